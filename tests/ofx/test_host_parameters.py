"""Parameters through the C interface: variable arguments, artist's edits, plugin's edits, key frames, messages."""

from pathlib import Path

import numpy as np
import pytest

from propainter_host import BadValue, Host, NumpyClip, Rule, UnknownName


def test_every_kind_of_variable_argument_arrives_and_returns(probe: Path, plate: np.ndarray) -> None:
    with Host("natron") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
        effect.push_button("analyse")
        values = {name: effect.get_param(name) for name in ("radius", "gain", "tint", "pair")}
        assert values == {"radius": 7, "gain": 2.5, "tint": (0.1, 0.2, 0.3, 0.4), "pair": (-5, 1234567)}
        assert effect.get_param("status") == "7 2.50 0.1 0.2 0.3 0.4 -5 1234567"  # as the plugin read them back
        assert effect.params["slow_s"].keys == {10.0: (0.25,)}


def test_a_message_with_more_arguments_than_registers_is_formatted_whole(probe: Path, plate: np.ndarray) -> None:
    with Host("natron") as host:
        host.load(probe).create(clips={"Source": NumpyClip(plate)}).push_button("analyse")
    (message,) = host.messages
    assert (message.kind, message.text) == ("Message", "analysed 1 2.500 3 4 ! 6.2 123456789012 end")


def test_a_push_button_can_disable_a_control(probe: Path, plate: np.ndarray) -> None:
    with Host("natron") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
        assert effect.is_enabled("gain")
        effect.push_button("analyse")
        assert not effect.is_enabled("gain")


def test_parameters_start_at_the_defaults_described(probe: Path, plate: np.ndarray) -> None:
    with Host("natron") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
        assert [effect.get_param(name) for name in ("radius", "gain", "tint", "misdeed")] == [1, 1.0, (1, 1, 1, 1), 0]
        assert effect.params["misdeed"].choices[:2] == ["none", "leak image"]


@pytest.mark.parametrize(
    ("name", "value", "held"),
    [
        ("radius", "4", 4),
        ("gain", "1.5", 1.5),
        ("tint", "0.1,0.2,0.3,1", (0.1, 0.2, 0.3, 1.0)),
        ("hold", "yes", 1),
        ("misdeed", "Leak Image", 1),
        ("misdeed", 2, 2),
        ("status", "two words, and a comma", "two words, and a comma"),
    ],
)
def test_values_may_be_given_as_texts(probe: Path, plate: np.ndarray, name: str, value: object, held: object) -> None:
    with Host("natron") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
        effect.set_param(name, value)
        assert effect.get_param(name) == held


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("radius", 21, "radius is 21; it takes 0 to 20"),
        ("radius", "many", "radius takes int values"),
        ("tint", (1, 2), "tint takes 4 number"),
        ("misdeed", "murder", "misdeed has no choice 'murder'; it has none, leak image"),
        ("misdeed", 99, "misdeed is 99 but has"),
        ("analyse", 1, "analyse is a PushButton and holds no value"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_what_would(
    probe: Path, plate: np.ndarray, name: str, value: object, words: str
) -> None:
    with Host("natron") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
        with pytest.raises(BadValue, match=words):
            effect.set_param(name, value)


def test_an_unknown_name_is_refused_with_the_names_there_are(probe: Path, plate: np.ndarray) -> None:
    with Host("natron") as host:
        plugin = host.load(probe)
        effect = plugin.create(clips={"Source": NumpyClip(plate)})
        with pytest.raises(UnknownName, match="no parameter 'radios'; the effect has radius"):
            effect.set_param("radios", 1)
        with pytest.raises(UnknownName, match="has no clip Plate in General; it has Source, Mask, Output"):
            plugin.create(clips={"Plate": NumpyClip(plate)})
        with pytest.raises(UnknownName, match="no context 'Retimer'"):
            plugin.create("Retimer")


def test_an_animated_double_is_linear_between_its_keys(probe: Path, plate: np.ndarray) -> None:
    with Host("natron") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
        effect.set_param("radius", 0)
        effect.set_param("gain", 0.0, time=2)
        effect.set_param("gain", 1.0, time=6)
        np.testing.assert_array_equal(effect.render(1).pixels, np.zeros_like(plate[0]))
        np.testing.assert_allclose(effect.render(5).pixels, plate[4] * 0.75, atol=1e-6)
        np.testing.assert_allclose(effect.render(9).pixels, plate[8], atol=1e-6)


def test_an_artists_edit_may_not_be_mistaken_for_the_plugins(probe: Path, plate: np.ndarray) -> None:
    """Setting values inside instance changed is answered by a nested change with reason PluginEdited, and no complaint."""
    with Host("natron") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
        effect.push_button("analyse")
        effect.push_button("clear")
        assert effect.get_param("status") == ""
    assert Rule.SET_VALUE_OUTSIDE_INSTANCE_CHANGED not in host.rules


def test_a_copied_parameter_brings_its_keys_along_moved_in_time(
    probe: Path, plate: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROBE_MISDEED", "copy")
    with Host("natron") as host:
        effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
        effect.set_param("gain", 0.5, time=3)
        effect.push_button("clear")  # the probe copies gain to slow_s, two frames later
        assert effect.params["slow_s"].keys == {5.0: (0.5,)}
