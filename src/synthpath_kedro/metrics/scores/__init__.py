"""Long tables from what the cells' predictions, attacks and features were saved as; nothing is predicted here."""
