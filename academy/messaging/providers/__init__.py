"""Those who deliver messages, behind one port."""
