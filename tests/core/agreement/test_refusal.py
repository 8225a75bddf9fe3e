from core.agreement.refusal import Refusal, layer_of


def test_the_layer_is_found_in_an_operations_name() -> None:
    assert layer_of("StatefulPartitionedCall/functional_1/dense_1_1/MatMul") == "dense_1"
    assert (
        layer_of("StatefulPartitionedCall_1/sequential_1/lstm_2_3/while/lstm_cell/add") == "lstm_2"
    )
    assert layer_of("functional_1/dense_1/MatMul") == "dense"
    assert layer_of("PartitionedCall/Identity") == ""


def test_a_refusal_names_runtime_operator_layer_and_way_out() -> None:
    refusal = Refusal("TensorFlow Lite", "FFT", "stft", "it has no such operator", "leave it out")
    assert str(refusal) == (
        "TensorFlow Lite cannot run FFT of layer 'stft': it has no such operator; leave it out"
    )
