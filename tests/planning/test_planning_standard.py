def test_a_limit_that_is_not_confirmed_decides_nothing():
    """Steatosis has an unverified limit of 30 %: neither more nor less than it is a verdict."""
    from glisson.planning import remnant_rules

    facts = {
        "liver.background": "steatosis",
        "liver.chemotherapy_months": 0,
        "patient.height_cm": 170,
        "patient.weight_kg": 70,
    }
    rules = remnant_rules(facts)
    assert rules.needed.status == "unverified"
    for share in (25.0, 35.0):
        verdict, reasons = rules.verdict(share, share, 4)
        assert verdict == "undetermined"
        assert "not yet confirmed" in reasons[0]
