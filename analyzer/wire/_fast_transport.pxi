# Transport: tcp.py udp.py icmp.py quote.py

cdef inline int read_tcp(Kernel k, Frame* f) except -1 nogil:
    cdef i64 at = f.at, header
    cdef const u8* p
    f.kind = TABLES_TCP
    if at + TCP_SIZE > f.end:
        return read_short_tcp(k, f)
    p = k.span(at, TCP_SIZE)
    f.src_port = be16(p + TCP_SRC_PORT)
    f.dst_port = be16(p + TCP_DST_PORT)
    f.seq = be32(p + TCP_SEQ)
    f.ack = be32(p + TCP_ACK)
    f.flags = p[TCP_FLAGS]
    f.window = be16(p + TCP_WINDOW)
    header = (p[TCP_OFFSET] >> 4) * 4
    if header < TCP_SIZE or at + header > f.wire_end:
        return stop(f, TABLES_MALFORMED)
    f.payload_bytes = <u32>min(f.wire_end - at - header, <i64>0xFFFFFFFF)
    if header > TCP_SIZE:
        read_tcp_options(k, f, at + TCP_SIZE, min(at + header, f.end))
        if not (f.end == f.captured and f.cut):
            short(f, at, header)
    return LAYER_DONE


cdef int read_short_tcp(Kernel k, Frame* f) except -1 nogil:
    """A header that does not fit: field by field, as far as it goes."""
    cdef i64 at = f.at, header
    cdef bint fits
    if short(f, at, TCP_SEQ):
        return LAYER_DONE
    f.src_port = <u16>k.u16at(at + TCP_SRC_PORT)
    f.dst_port = <u16>k.u16at(at + TCP_DST_PORT)
    if short(f, at + TCP_SEQ, 4):
        return LAYER_DONE
    f.seq = <u32>k.u32at(at + TCP_SEQ)
    if short(f, at + TCP_ACK, 4):
        return LAYER_DONE
    f.ack = <u32>k.u32at(at + TCP_ACK)
    if short(f, at, TCP_WINDOW):
        return LAYER_DONE
    f.flags = <u8>k.u8at(at + TCP_FLAGS)
    header = (k.u8at(at + TCP_OFFSET) >> 4) * 4
    fits = header >= TCP_SIZE and at + header <= f.wire_end
    if fits:
        f.payload_bytes = <u32>min(f.wire_end - at - header, <i64>0xFFFFFFFF)
    if short(f, at + TCP_WINDOW, 2):
        return LAYER_DONE
    f.window = <u16>k.u16at(at + TCP_WINDOW)
    if not fits:
        return stop(f, TABLES_MALFORMED)
    short(f, at, TCP_SIZE)
    return LAYER_DONE


cdef inline int read_tcp_options(Kernel k, Frame* f, i64 at, i64 end) except -1 nogil:
    cdef i64 left = end - at
    cdef u8 size
    cdef const u8* p
    if left <= 0:
        return 0
    p = k.span(at, left)
    while left > 0 and p[0] != TCP_END:
        if p[0] == TCP_NOTHING:
            p += 1
            left -= 1
            continue
        size = p[1] if left > 1 else 0
        if size < 2 or size > left:
            return 0
        if p[0] == TCP_TIMESTAMPS and size == TCP_TIMESTAMPS_SIZE:
            f.has_ts = 1
            f.tsval = be32(p + 2)
            f.tsecr = be32(p + 6)
        elif p[0] == TCP_MSS and size == TCP_MSS_SIZE:
            f.mss = be16(p + 2)
        p += size
        left -= size
    return 0


cdef inline int read_udp(Kernel k, Frame* f) except -1 nogil:
    cdef i64 at = f.at, length, payload, room = f.wire_end - at, octet
    f.kind = TABLES_UDP
    if short(f, at, UDP_LENGTH):
        return LAYER_DONE
    f.src_port = <u16>k.u16at(at + UDP_SRC_PORT)
    f.dst_port = <u16>k.u16at(at + UDP_DST_PORT)
    if short(f, at, UDP_SIZE):
        return LAYER_DONE
    length = k.u16at(at + UDP_LENGTH)
    if 0 < length < UDP_SIZE:
        return stop(f, TABLES_MALFORMED)
    payload = (min(length, room) if length else room) - UDP_SIZE
    f.payload_bytes = <u32>min(payload, <i64>0xFFFFFFFF)
    at += UDP_SIZE
    narrow(f, at + payload)
    if at + 4 <= f.end:
        f.seq = <u32>k.u32at(at)
    else:
        for octet in range(f.end - at):
            f.seq |= <u32>k.u8at(at + octet) << (24 - 8 * octet)
    f.at = at
    # udp.TUNNEL_PORTS
    if f.dst_port == 4789 or f.dst_port == 8472:
        return LAYER_VXLAN
    elif f.dst_port == 4790:
        return LAYER_VXLAN_GPE
    elif f.dst_port == 6081:
        return LAYER_GENEVE
    elif f.dst_port == 2152:
        return LAYER_GTP
    return LAYER_DONE


cdef int read_icmp_head(Kernel k, Frame* f) except -1 nogil:
    """Type and code; 1 where the frame stopped."""
    if short(f, f.at, ICMP_FIXED_SIZE):
        return 1
    f.flags = <u8>k.u8at(f.at + ICMP_TYPE)
    f.code = <u8>k.u8at(f.at + ICMP_CODE)
    return 0


cdef int read_echo(Kernel k, Frame* f) except -1 nogil:
    f.src_port = f.dst_port = <u16>k.u16at(f.at + ICMP_IDENTIFIER)
    f.seq = <u32>k.u16at(f.at + ICMP_SEQUENCE)
    f.payload_bytes = <u32>min(f.wire_end - f.at - ICMP_SIZE, <i64>0xFFFFFFFF)
    return 0


cdef int read_icmp(Kernel k, Frame* f) except -1 nogil:
    cdef i64 at = f.at
    if read_icmp_head(k, f):
        return LAYER_DONE
    # icmp.KINDS
    if f.flags == ICMP_ECHO or f.flags == ICMP_ECHO_REPLY:
        f.kind = TABLES_ICMP_ECHO
    elif f.flags == ICMP_REDIRECT:
        f.kind = TABLES_ICMP_REDIRECT
    elif (f.flags == ICMP_UNREACHABLE or f.flags == ICMP_QUENCH or f.flags == ICMP_TIME_EXCEEDED
          or f.flags == ICMP_PARAMETER):
        f.kind = TABLES_ICMP_ERROR
    else:
        f.kind = TABLES_ICMP_OTHER
        return LAYER_DONE
    if short(f, at, ICMP_SIZE):
        return LAYER_DONE
    if f.kind == TABLES_ICMP_ECHO:
        read_echo(k, f)
        return LAYER_DONE
    if f.kind == TABLES_ICMP_REDIRECT:
        f.about_ip = <u32>k.intern4(OTHER, k.span(at + ICMP_GATEWAY, 4))
    elif f.flags == ICMP_UNREACHABLE and f.code == ICMP_FRAGMENTATION_NEEDED:
        f.ack = <u32>k.u16at(at + ICMP_MTU16)
    read_quote(k, f, at + ICMP_QUOTE)
    return LAYER_DONE


cdef int read_icmpv6(Kernel k, Frame* f) except -1 nogil:
    cdef i64 at = f.at
    cdef u32 destination
    if read_icmp_head(k, f):
        return LAYER_DONE
    # icmp.KINDS_V6
    if f.flags == ICMP_V6_ECHO or f.flags == ICMP_V6_ECHO_REPLY:
        f.kind = TABLES_ICMP_ECHO
    elif f.flags == ICMP_V6_SOLICIT:
        f.kind = TABLES_ND_SOLICIT
    elif f.flags == ICMP_V6_ADVERT:
        f.kind = TABLES_ND_ADVERT
    elif f.flags == ICMP_V6_REDIRECT:
        f.kind = TABLES_ICMP_REDIRECT
    elif (f.flags == ICMP_V6_UNREACHABLE or f.flags == ICMP_V6_TOO_BIG or f.flags == ICMP_V6_TIME_EXCEEDED
          or f.flags == ICMP_V6_PARAMETER):
        f.kind = TABLES_ICMP_ERROR
    else:
        f.kind = TABLES_ICMP_OTHER
        return LAYER_DONE
    if short(f, at, ICMP_SIZE):
        return LAYER_DONE
    if f.kind == TABLES_ICMP_ECHO:
        read_echo(k, f)
    elif f.kind == TABLES_ICMP_ERROR:
        if f.flags == ICMP_V6_TOO_BIG:
            f.ack = <u32>k.u32at(at + ICMP_MTU)
        read_quote(k, f, at + ICMP_QUOTE)
    elif f.kind == TABLES_ICMP_REDIRECT:
        if short(f, at, ICMP_REDIRECT_SIZE):
            return LAYER_DONE
        f.about_ip = <u32>k.intern16(OTHER, k.span(at + ICMP_ND_TARGET, 16))
        f.quote_dst = destination = <u32>k.intern16(OTHER, k.span(at + ICMP_REDIRECT_DESTINATION, 16))
        read_options(k, f, at + ICMP_REDIRECT_SIZE, ICMP_TARGET_MAC)
        f.quote_dst = destination
    else:
        f.code = 0
        if short(f, at, ICMP_ND_SIZE):
            return LAYER_DONE
        f.about_ip = <u32>k.intern16(OTHER, k.span(at + ICMP_ND_TARGET, 16))
        if f.kind == TABLES_ND_ADVERT:
            f.code = not k.u8at(at + ICMP_ND_FLAGS) & ICMP_SOLICITED
        read_options(k, f, at + ICMP_ND_SIZE, ICMP_SOURCE_MAC if f.kind == TABLES_ND_SOLICIT else ICMP_TARGET_MAC)
    return LAYER_DONE


cdef int read_options(Kernel k, Frame* f, i64 at, int mac) except -1 nogil:
    cdef i64 kind, size
    while at + 2 <= f.wire_end:
        if short(f, at, 2):
            return 0
        kind = k.u8at(at)
        size = k.u8at(at + 1) * ICMP_OPTION_UNIT
        if not size:
            return 0
        if kind == mac and size == ICMP_OPTION_UNIT and not f.about_mac:
            if short(f, at + ICMP_OPTION_MAC, 6):
                return 0
            f.about_mac = <u32>k.intern6(SRC_MAC, k.span(at + ICMP_OPTION_MAC, 6))
        elif kind == ICMP_REDIRECTED and f.kind == TABLES_ICMP_REDIRECT and not f.quote_src:
            if read_quote(k, f, at + ICMP_OPTION_QUOTE):
                return 0
        at += size
    return 0


cdef inline bint quoted(Frame* f, i64 at, i64 octets) noexcept nogil:
    """Whether the quotation holds these octets; stops the frame where only the capture does not."""
    if at + octets <= f.end:
        return True
    if f.end == f.captured and f.cut:
        f.verdict = TABLES_CUT
    return False


cdef int read_quote(Kernel k, Frame* f, i64 at) except -1 nogil:
    """1 where the frame stopped."""
    cdef i64 version, header
    if not quoted(f, at, 1):
        return f.verdict != TABLES_OK
    version = k.u8at(at) >> 4
    if version == 4 and quoted(f, at, IPV4_SIZE):
        header = (k.u8at(at) & 0x0F) * 4
        if header < IPV4_SIZE:
            return 0
        f.quote_src = <u32>k.intern4(OTHER, k.span(at + IPV4_SRC, 4))
        f.quote_dst = <u32>k.intern4(OTHER, k.span(at + IPV4_DST, 4))
        f.quote_proto = <u8>k.u8at(at + IPV4_PROTOCOL)
        if not k.u16at(at + IPV4_FRAGMENT) & IPV4_FRAGMENT_OFFSET:
            read_quoted_transport(k, f, at + header)
    elif version == 6 and quoted(f, at, IPV6_SIZE):
        f.quote_src = <u32>k.intern16(OTHER, k.span(at + IPV6_SRC, 16))
        f.quote_dst = <u32>k.intern16(OTHER, k.span(at + IPV6_DST, 16))
        f.quote_proto = <u8>k.u8at(at + IPV6_NEXT_HEADER)
        read_quoted_extensions(k, f, at + IPV6_SIZE)
    return f.verdict != TABLES_OK


cdef int read_quoted_extensions(Kernel k, Frame* f, i64 at) except -1 nogil:
    cdef int step
    cdef u8 kind
    for step in range(QUOTE_MAX_EXTENSIONS):
        kind = f.quote_proto
        if (kind != IPV6_HOP_BY_HOP and kind != IPV6_ROUTING and kind != IPV6_DESTINATION
                and kind != IPV6_FRAGMENT):
            return read_quoted_transport(k, f, at)
        if not quoted(f, at, IPV6_EXTENSION_SIZE):
            return 0
        f.quote_proto = <u8>k.u8at(at + IPV6_EXTENSION_NEXT)
        if kind == IPV6_FRAGMENT:
            if k.u16at(at + IPV6_FRAGMENT_OFFSET) >> 3:
                return 0
            at += IPV6_EXTENSION_SIZE
        else:
            at += (k.u8at(at + IPV6_EXTENSION_LENGTH) + 1) * 8
    return 0


cdef int read_quoted_transport(Kernel k, Frame* f, i64 at) except -1 nogil:
    cdef u8 protocol = f.quote_proto
    cdef i64 kind
    if protocol == IPV4_TCP or protocol == IPV4_UDP or protocol == QUOTE_SCTP or protocol == QUOTE_UDP_LITE:
        if quoted(f, at, 4):
            f.quote_src_port = <u16>k.u16at(at)
            f.quote_dst_port = <u16>k.u16at(at + 2)
            if protocol == IPV4_TCP and quoted(f, at, 8):
                f.seq = <u32>k.u32at(at + 4)
    elif protocol == IPV4_ICMP or protocol == IPV4_ICMPV6:
        if quoted(f, at, 6):
            kind = k.u8at(at)
            if ((protocol == IPV4_ICMP and (kind == ICMP_ECHO or kind == ICMP_ECHO_REPLY))
                    or (protocol == IPV4_ICMPV6 and (kind == ICMP_V6_ECHO or kind == ICMP_V6_ECHO_REPLY))):
                f.quote_src_port = f.quote_dst_port = <u16>k.u16at(at + 4)
    return 0
