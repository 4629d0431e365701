"""What a study varies, as objects in tables; light to import."""
