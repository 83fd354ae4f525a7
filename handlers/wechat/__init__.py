"""What WeChat calls: the official account's messages and the mini-program's events."""
