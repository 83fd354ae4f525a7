"""常用座位 for apps and pages."""
