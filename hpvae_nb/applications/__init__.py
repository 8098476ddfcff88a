"""What a trained model does with a picture that someone gives it: paint, harmonise, edit, inpaint, enlarge, animate.

Source: section 4.2 and figure 8, "image applications ... as defined by" SinGAN (Shaham et al. 2019). The paper gives
neither a scale nor a mask for them, and the released code has none of them, so the start scales, the projection by the
encoder and everything about video are choices of this package; discs and blurs are those of SinGAN's code.

Each is a function of a model, and a method of `Model` by the same name.
"""

from hpvae_nb.applications.animate import animate
from hpvae_nb.applications.enlarge import enlarge
from hpvae_nb.applications.inpaint import inpaint
from hpvae_nb.applications.redraw import edit, harmonize, paint_to_image

__all__ = ["animate", "edit", "enlarge", "harmonize", "inpaint", "paint_to_image"]
