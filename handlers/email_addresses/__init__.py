"""邮件通知 for apps and pages."""
