from hpvae_nb.cli import app

app(prog_name="python -m hpvae_nb")
