"""Authentication: campus and WeChat sign-in, sessions, activation codes and account bindings."""
