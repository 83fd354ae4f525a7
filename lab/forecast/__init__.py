"""How right the forecasts of fullness are (docs/forecast.md)."""
