"""邮件通知: where a reader gets messages by e-mail, and which."""
