"""Wechat."""
