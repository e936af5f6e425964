"""How the models shipped with Glisson were learned. Not part of the installed package."""
