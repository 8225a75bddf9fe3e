"""``fanout monitor``: whether what clients send is still what the model was trained on.

``features`` says what is watched, ``baseline`` describes the training data with it while a release
is made, ``request_log`` reads what the server logged, ``statistics`` compares the two with TFDV,
``monitoring`` judges by the spec's limits, ``page`` draws it.
"""
