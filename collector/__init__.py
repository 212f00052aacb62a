"""The central server: takes certificates in, checks them, keeps them, shows them."""
