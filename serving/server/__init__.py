"""The embedded model server: TensorFlow Serving's REST and gRPC APIs over SavedModels."""
