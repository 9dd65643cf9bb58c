"""Texts to vectors: ``text.encoder().encode(texts, role="passage")``."""

from academy.inference.text.encoding import DIMENSION, PURPOSE, Encoder, Role, encoder

__all__ = ["DIMENSION", "PURPOSE", "Encoder", "Role", "encoder"]
