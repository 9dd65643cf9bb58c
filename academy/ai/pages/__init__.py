"""Pages of pictures and PDFs, as the confined child sees them: text layers, pixels, overlays."""
