"""Every setting of a model, the named presets, and what they make of a clip."""
