"""Measures of what a single-sample model makes. A number is printed with the features it was made with."""

from hpvae_nb.metrics.consistency import reconstruction_error, temporal_consistency
from hpvae_nb.metrics.diversity import diversity, lightness
from hpvae_nb.metrics.features import Extractor, PatchFeatures
from hpvae_nb.metrics.frechet import fid, frechet_distance, random_features_distance, sifid, svfid, svfid_each
from hpvae_nb.metrics.networks import c3d, efficientnet_lite0, inception, make_extractor, torchvision_video
from hpvae_nb.metrics.novelty import Matches, nearest_field, nearest_patches, nnfdist, nnfdiv, novelty
from hpvae_nb.metrics.score import Score, mean_score
from hpvae_nb.metrics.sliced import sliced_wasserstein
from hpvae_nb.metrics.survival import survival
from hpvae_nb.metrics.table import COSTS, METRICS, Metric, applicable

__all__ = [
    "COSTS",
    "METRICS",
    "Extractor",
    "Matches",
    "Metric",
    "PatchFeatures",
    "Score",
    "applicable",
    "c3d",
    "diversity",
    "efficientnet_lite0",
    "fid",
    "frechet_distance",
    "inception",
    "lightness",
    "make_extractor",
    "mean_score",
    "nearest_field",
    "nearest_patches",
    "nnfdist",
    "nnfdiv",
    "novelty",
    "random_features_distance",
    "reconstruction_error",
    "sifid",
    "sliced_wasserstein",
    "survival",
    "svfid",
    "svfid_each",
    "temporal_consistency",
    "torchvision_video",
]
