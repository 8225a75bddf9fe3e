"""Flags of tensorflow_model_server that have no effect here, or that must be refused."""

# Accepted, with a note that they have no effect.
WITHOUT_EFFECT = {
    "enable_profiler": "there is no profiler service",
    "flush_filesystem_caches": "files are read once, when a version is loaded",
    "grpc_channel_arguments": "gRPC's C core is not used",
    "grpc_max_threads": "gRPC runs on the event loop",
    "num_load_threads": "one version is loaded at a time",
    "num_unload_threads": "one version is unloaded at a time",
    "num_request_iterations_for_warmup": "each warm-up request is run three times",
    "per_process_gpu_memory_fraction": "it runs on the CPU",
    "remove_unused_fields_from_bundle_metagraph": "the graph is not kept",
    "rest_api_num_threads": "REST runs on the event loop",
    "skip_initialize_tpu": "it runs on the CPU",
}
# A user who sets one of these relies on it, so it is refused unless it is switched off.
REFUSED = {
    "enable_per_model_batching_parameters": "one rule joins the requests of every model",
    "mixed_precision": "a model answers as it was checked, in its own precision",
    "num_tflite_interpreters_per_pool": "only SavedModels are served",
    "num_tflite_pools": "only SavedModels are served",
    "platform_config_file": "TensorFlow is the only platform",
    "prefer_tflite_model": "only SavedModels are served; TensorFlow Lite is for devices",
    "tensorflow_session_config_file": "set --tensorflow_intra_op_parallelism and "
    "--tensorflow_inter_op_parallelism",
    "thread_pool_factory_config_file": "set --tensorflow_intra_op_parallelism and "
    "--tensorflow_inter_op_parallelism",
    "use_alts_credentials": "ALTS exists only on Google Cloud; use --ssl_config_file",
    "xla_cpu_compilation_enabled": "a model answers as it was checked, without XLA",
}
OFF = ("", "false", "0")
