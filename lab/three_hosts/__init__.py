"""The recipe of docs/deployment.md for three hosts, played in network namespaces of one machine."""
