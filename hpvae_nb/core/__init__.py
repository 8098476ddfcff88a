"""The method: blocks, networks, the hierarchy, losses, steps. Needs torch and einops alone."""
