"""The use cases of booking and presence, one module for each group of verbs.

``desk`` what they work with · ``reserve`` make, change, cancel · ``attend`` check-in to finish,
extension · ``due`` what time does by itself · ``penalties`` violations and suspension · ``views``
what readers see.
"""
