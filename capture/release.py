"""Which release of ticktape this is: asked once, as nobody can say while an upgrade goes on."""

from importlib.metadata import version

RELEASE = version("ticktape")
SOFTWARE = f"ticktape {RELEASE}"
