# The compiled tracker: the constants of its specification, each held to the Python module that it comes from.

cdef enum:
    NEAR = 8                 # how many packets ahead the directions are fetched,
    MIDDLE = 16              # the flow that says which direction it is,
    FAR = 24                 # and the index that leads to the flow
    KINDS_OF_MARKS = 15
    FIRST_SLOTS = 2048

cdef enum:
    # states.py; held to it below
    S0 = 0
    UDP1 = 14
    UDP2 = 15
    NOTHING = 16
    HIST_S = 1
    HIST_H = 1 << 2
    HIST_A = 1 << 4
    HIST_D = 1 << 6
    HIST_F = 1 << 8
    HIST_R = 1 << 10
    HIST_T = 1 << 12
    HIST_G = 1 << 14
    HIST_W = 1 << 16
    HIST_Q = 1 << 18
    FLIPPED = 1 << 20
    BOTH_FINS = 3 << 8
    ANY_RST = 3 << 10
    OURS = 0x55555
    THEIRS = 0xAAAAA
    WELL_KNOWN_END = 1024
    EPHEMERAL_BEGIN = 32768
    # duplicates.py and timeouts.py
    UNIT_SHIFT = 17
    TTL_SHIFT = 24
    PRINT_SHIFT = 28
    COPY_UNITS = 1144
    WEAK_UNITS = 38
    SWEEP = 4
    FRAGMENT_FRAMES = 64

cdef uint64_t OUT_OF_ORDER_NS = _OUT_OF_ORDER_NS, REORDER_NS = _timeouts.REORDER_NS
cdef uint64_t SALT0 = _duplicates.SALT[0], SALT1 = _duplicates.SALT[1]

assert (S0, UDP1, UDP2, NOTHING) == (_states.S0, _states.UDP1, _states.UDP2, _states.NOTHING)
assert (HIST_S, HIST_H, HIST_A, HIST_D, HIST_F, HIST_R, HIST_T, HIST_G, HIST_W, HIST_Q, FLIPPED) == (
    _states.HIST_S, _states.HIST_H, _states.HIST_A, _states.HIST_D, _states.HIST_F, _states.HIST_R, _states.HIST_T,
    _states.HIST_G, _states.HIST_W, _states.HIST_Q, _states.FLIPPED)
assert OURS == _states.INITIATORS and THEIRS == OURS << 1
assert list(MARKS) == ["syn", "syn2", "synack", "synack2", "estab", "rst_i", "rst_r", "data_i", "data_r", "data_r2",
                       "fin_i", "fin_r", "last_i", "last_r"]
assert (WELL_KNOWN_END, EPHEMERAL_BEGIN) == (_states.WELL_KNOWN_END, _states.EPHEMERAL_BEGIN)
assert (UNIT_SHIFT, TTL_SHIFT, PRINT_SHIFT, COPY_UNITS, WEAK_UNITS) == (
    _duplicates.UNIT_SHIFT, _duplicates.TTL_SHIFT, _duplicates.PRINT_SHIFT, _duplicates.COPY_UNITS,
    _duplicates.WEAK_UNITS)
assert SWEEP == _timeouts.SWEEP and FRAGMENT_FRAMES == _timeouts.FRAGMENT_FRAMES
assert VERDICTS[OK] == "ok" and VERDICTS[LATER_FRAGMENT] == "later-fragment"
assert _duplicates.REMEMBERED == 8
assert _layout.MACS == 4
assert len(_layout.SLOTS) == KINDS_OF_MARKS
