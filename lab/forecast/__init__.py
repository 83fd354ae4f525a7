"""The accuracy of forecasts of fullness (docs/forecast.md)."""
