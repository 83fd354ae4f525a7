"""Who is this: campus sign-in, WeChat sign-in, sessions, activation codes and bindings."""
