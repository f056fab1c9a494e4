"""Where a feature goes in a document."""

import pytest

from prediction_log.features import Features, split


def test_numbers_and_words_go_to_places_of_their_own():
    features = split({"distance": 1400.5, "hour": 9, "carrier": "UA"})

    assert features == Features(num={"distance": 1400.5, "hour": 9}, cat={"carrier": "UA"})


def test_booleans_become_words():
    assert split({"holiday": True, "delayed": False}).cat == {"holiday": "true", "delayed": "false"}


def test_nulls_are_left_out():
    assert split({"wind": None}) == Features({}, {})


@pytest.mark.parametrize("name", ["", " ", "\t", "\u3000", "x" * 513])
def test_names_that_elasticsearch_refuses_are_left_out(name: str):
    assert split({name: 1.0, "kept": 2.0}) == Features({"kept": 2.0}, {})


def test_a_feature_that_changes_its_type_changes_its_place():
    assert split({"gate": 7.0}).num == {"gate": 7.0}
    assert split({"gate": "7B"}).cat == {"gate": "7B"}
