"""What the tracker says of small conversations."""

from analyzer.tables import LATER_FRAGMENT


def handshake(t, isn=1000, sisn=9000, at=0.0):
    return [t.seg("c", "S", isn, t=at, mss=1460, window=64240),
            t.seg("s", "S.", sisn, isn + 1, t=at + 0.001, mss=1400, window=65160),
            t.seg("c", ".", isn + 1, sisn + 1, t=at + 0.002)]


def test_a_whole_connection(t):
    [flow] = t.flows([
        *handshake(t),
        t.seg("c", "P.", 1001, 9001, 100),
        t.seg("s", "P.", 9001, 1101, 500),
        t.seg("c", "F.", 1101, 9501),
        t.seg("s", "F.", 9501, 1102),
        t.seg("c", ".", 1102, 9502),
    ])
    assert (flow.i, flow.r, flow.state, flow.history) == (t.CLIENT, t.SERVER, "SF", "ShADdFf")
    assert (flow.packets_i, flow.packets_r, flow.bytes_i, flow.bytes_r) == (5, 3, 100, 500)
    assert (flow.syn_frame, flow.synack_frame, flow.estab_frame, flow.data_i_frame, flow.data_r_frame,
            flow.fin_i_frame, flow.fin_r_frame, flow.last_i_frame, flow.last_r_frame) == (1, 2, 3, 4, 5, 6, 7, 8, 7)
    assert (flow.mss_i, flow.mss_r, flow.window_i, flow.window_r) == (1460, 1400, 64240, 65160)
    assert (flow.syn_seq, flow.synack_seq, flow.synack_ack) == (1000, 9000, 1001)


def test_reply_that_skips_the_balancer_makes_two_flows(t):
    balancer = "203.0.113.10:80"
    rows = []
    for attempt in range(3):
        at = float(2**attempt)
        rows += [
            {"of": t.CLIENT, "to": balancer, "flags": "S", "seq": 1000, "t": at},
            t.seg("s", "S.", 9000 + attempt * 7777, 1001, t=at + 0.0004, ip_id=0),
            t.seg("c", "R", 1001, t=at + 0.00041, ip_id=0),
        ]
    asked, stray = t.flows(rows)
    assert (asked.state, asked.syn_count, asked.synack_count, asked.r) == ("S0", 3, 0, balancer)
    assert (stray.state, stray.synack_count, stray.rst_i_count, stray.i) == ("SH?", 3, 3, t.CLIENT)
    assert (stray.synack_seq, stray.synack_last_seq, stray.syn_frame) == (9000, 9000 + 2 * 7777, 0)


def test_port_closed(t):
    [flow] = t.flows([t.seg("c", "S", 1000), t.seg("s", "R.", 0, 1001)])
    assert (flow.state, flow.rst_r_count, flow.rst_r_flags, flow.rst_r_ack) == ("REJ", 1, 20, 1001)


def test_synack_captured_before_its_syn(t):
    syn, synack, ack = handshake(t)
    [flow] = t.flows([synack, syn, ack])
    assert (flow.i, flow.state, flow.syn_frame, flow.synack_frame, flow.estab_frame) == (t.CLIENT, "S1", 2, 1, 3)


def test_a_retransmitted_syn_does_not_restart_the_flow(t):
    [flow] = t.flows([t.seg("c", "S", 1000, t=t_) for t_ in (0, 1, 3, 7, 15, 31, 63)])
    assert (flow.state, flow.syn_count) == ("S0", 7)


def test_another_isn_does(t):
    first, second = t.flows([*handshake(t), t.seg("c", "R", 1001, t=1), *handshake(t, isn=77777, at=2)])
    assert (first.state, second.state, second.syn_seq) == ("RSTO", "S1", 77777)


def test_simultaneous_open_is_one_flow(t):
    [flow] = t.flows([
        t.seg("c", "S", 1000), t.seg("s", "S", 9000), t.seg("c", "S.", 1000, 9001), t.seg("s", "S.", 9000, 1001),
    ])
    assert (flow.i, flow.state, flow.syn_count, flow.synack_count) == (t.CLIENT, "S1", 1, 2)


def test_udp_knows_who_asked_by_the_port(t):
    reply = {"kind": t.UDP, "of": "10.0.2.11:53", "to": t.CLIENT, "seq": 0xABCD8180}
    [flow] = t.flows([reply])
    assert (flow.i, flow.state, flow.data_r_seq, flow.data_i_frame) == (t.CLIENT, "UDP1", 0xABCD8180, 0)


def fragment(t, frame_id, size, **more):
    return {"kind": 0, "verdict": LATER_FRAGMENT, "ip_proto": 17, "of": "10.0.2.11:0", "to": "10.0.2.9:0",
            "ip_id": frame_id, "payload_bytes": size, **more}


def test_later_fragments_find_their_flow(t):
    """RFC 791 §3.2: only the first fragment has ports; source, destination, protocol and identification join them."""
    answer = {"kind": t.UDP, "ip_proto": 17, "of": "10.0.2.11:53", "to": t.CLIENT, "ip_id": 7, "payload_bytes": 1472}
    [flow] = t.flows([answer, fragment(t, 7, 1480), fragment(t, 7, 40), fragment(t, 8, 999), fragment(t, 7, 5, ttl=63)])
    assert (flow.packets_r, flow.bytes_r, flow.duplicates) == (1, 1472 + 1480 + 40, 0)


def test_a_fragment_that_comes_too_late_finds_nothing(t):
    answer = {"kind": t.UDP, "ip_proto": 17, "of": "10.0.2.11:53", "to": t.CLIENT, "ip_id": 7, "payload_bytes": 1472}
    between = [{"kind": 0, "verdict": 1, "ip_proto": 0}] * 63
    [flow] = t.flows([answer, *between, fragment(t, 7, 1480)])
    assert flow.bytes_r == 1472 + 1480
    [flow] = t.flows([answer, *between, between[0], fragment(t, 7, 1480)])
    assert flow.bytes_r == 1472
