"""The draw at an opening: who asks in the same moment is served in an order by chance."""
