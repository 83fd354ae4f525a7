"""The channel by 企业微信, for campuses whose readers sign in by it."""
