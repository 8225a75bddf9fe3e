"""``fanout monitor``: compares the requests of clients with the training data.

``features`` defines the monitored features, ``baseline`` describes the training data with them when
a release is made, ``request_log`` reads the server's log, ``statistics`` compares the two with
TFDV, ``monitoring`` judges by the spec's limits, ``page`` renders the result.
"""
