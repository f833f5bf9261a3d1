"""No op looks across the steps of sequences without saying so: all do the same with every step, or say how they meet several
lengths. Tests of layers show that what they say is true (`tests.program.test_every_layer_alone`).
"""

from __future__ import annotations

from dltoolbox.ops import OPS
from dltoolbox.ops.pool import MaximumOp
from dltoolbox.ops.time_axis import Way

MEETINGS = [across for op in OPS.values() for across in (op.across, op.over_gaps if isinstance(op, MaximumOp) else None)]
TAKE_LENGTHS_THEMSELVES = {across.op for across in MEETINGS if across and across.op}
PER_STEP = {
    "dropout", "spatial_dropout",  # draw for every observation
    "function",  # users say what it does
    "step_mask", "fill_ends", "mini_batch_size",  # are about lengths and sizes
    "without_time",  # is for states, which have none
    "position_embedding", "position_sinusoid",  # count from the first step
    "prepend",  # to the first step
    "ctc",  # takes the number of steps as an input
}


def test_ops_that_look_across_steps_say_how_they_meet_lengths() -> None:
    looking = {name for name, op in OPS.items() if op.way is not Way.FOLD or not op.by_observation}
    silent = {name for name in looking if OPS[name].across is None}
    assert silent == PER_STEP | (TAKE_LENGTHS_THEMSELVES & looking)


def test_losses_and_statistics_say_so_for_folded_steps() -> None:
    """Steps are observations there, and these ops add observations up."""
    adding = {name for name, op in OPS.items() if not op.by_observation and op.way is Way.FOLD}
    assert all(Way.FOLD in OPS[name].across.ways for name in adding - PER_STEP - TAKE_LENGTHS_THEMSELVES)


def test_ops_that_take_the_place_of_others_are_there_and_look_no_further() -> None:
    assert set(OPS) >= TAKE_LENGTHS_THEMSELVES
    assert all(OPS[name].across is None for name in TAKE_LENGTHS_THEMSELVES)
