"""The diffusion transformer that renders a block of latents, its path through noise, and the solvers."""
