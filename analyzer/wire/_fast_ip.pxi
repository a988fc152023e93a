# IP: ipv4.py ipv6.py, and the going into a tunnel (Frame.enter)

cdef int enter(Kernel k, Frame* f, int kind, i64 key, u32 one, u32 other) except -1 nogil:
    """Extend the path of tunnels, and forget what the row said of the outer packet."""
    # The key is kept with one added, so that "no key" is 0.
    f.tunnel = <u32>k.paths.number(<u64>kind << 32 | f.tunnel, <u64>(key + 1),
                                   <u64>max(one, other) << 32 | min(one, other))
    f.kind = f.ip_proto = f.ttl = 0
    f.ip_id = f.src_port = f.dst_port = 0
    f.src = f.dst = f.ip_bytes = f.seq = f.payload_bytes = 0
    return 0


cdef inline int enter_between(Kernel k, Frame* f, int kind, i64 key) except -1 nogil:
    """The same for a tunnel that is known by its outer addresses."""
    return enter(k, f, kind, key, f.src, f.dst)


cdef inline int by_protocol(Kernel k, Frame* f, i64 protocol, i64 at) except -1 nogil:
    """ipv4.PROTOCOLS, ipv4.PROTOCOLS_V6 and ipv4.TUNNELS."""
    cdef bint v4 = f.version == 4
    f.at = at
    if protocol == IPV4_TCP:
        return LAYER_TCP
    elif protocol == IPV4_UDP:
        return LAYER_UDP
    elif protocol == IPV4_ICMP and v4:
        return LAYER_ICMP
    elif protocol == IPV4_ICMPV6 and not v4:
        return LAYER_ICMPV6
    elif protocol == IPV4_GRE:
        return LAYER_GRE
    elif protocol == IPV4_IN_IP:
        enter_between(k, f, PATHS_IPIP if v4 else PATHS_FOUR_IN_SIX, PATHS_NO_KEY)
        return LAYER_IPV4
    elif protocol == IPV4_IPV6:
        enter_between(k, f, PATHS_SIX_IN_FOUR if v4 else PATHS_SIX_IN_SIX, PATHS_NO_KEY)
        return LAYER_IPV6
    elif protocol == IPV4_AH:
        return LAYER_EXTENSION
    elif protocol == IPV4_MPLS:
        return LAYER_MPLS
    elif not v4 and (protocol == IPV6_HOP_BY_HOP or protocol == IPV6_ROUTING or protocol == IPV6_FRAGMENT
                     or protocol == IPV6_DESTINATION):
        return LAYER_EXTENSION
    f.payload_bytes = <u32>min(f.wire_end - at, <i64>0xFFFFFFFF)
    return LAYER_DONE


cdef inline int read_ipv4(Kernel k, Frame* f) except -1 nogil:
    cdef i64 at = f.at, total, header
    cdef const u8* p
    if short(f, at, IPV4_SIZE):
        return LAYER_DONE
    p = k.span(at, IPV4_SIZE)
    total = be16(p + IPV4_TOTAL_LENGTH)
    header = (p[IPV4_VERSION_IHL] & 0x0F) * 4
    if p[IPV4_VERSION_IHL] >> 4 != 4 or header < IPV4_SIZE or 0 < total < header:
        return stop(f, TABLES_MALFORMED)
    f.src = <u32>k.intern4(SRC, p + IPV4_SRC)
    f.dst = <u32>k.intern4(DST, p + IPV4_DST)
    f.ttl = p[IPV4_TTL]
    f.ip_id = be16(p + IPV4_IDENTIFICATION)
    f.ip_proto = p[IPV4_PROTOCOL]
    if total == 0:
        total = f.wire_end - at
    f.ip_bytes = <u32>total
    f.version = 4
    narrow(f, at + total)
    if short(f, at, header):
        return LAYER_DONE
    if be16(p + IPV4_FRAGMENT) & IPV4_FRAGMENT_OFFSET:
        f.payload_bytes = <u32>(f.wire_end - at - header)
        return stop(f, TABLES_LATER_FRAGMENT)
    return by_protocol(k, f, f.ip_proto, at + header)


cdef int read_any_ip(Kernel k, Frame* f) except -1 nogil:
    cdef i64 version
    if short(f, f.at, 1):
        return LAYER_DONE
    version = k.u8at(f.at) >> 4
    if version == 4:
        return LAYER_IPV4
    if version == 6:
        return LAYER_IPV6
    return stop(f, TABLES_MALFORMED)


cdef int read_ipv6(Kernel k, Frame* f) except -1 nogil:
    cdef i64 at = f.at, payload
    cdef const u8* p
    if short(f, at, IPV6_SIZE):
        return LAYER_DONE
    p = k.span(at, IPV6_SIZE)
    if p[IPV6_VERSION] >> 4 != 6:
        return stop(f, TABLES_MALFORMED)
    f.src = <u32>k.intern16(SRC, p + IPV6_SRC)
    f.dst = <u32>k.intern16(DST, p + IPV6_DST)
    f.ttl = p[IPV6_HOP_LIMIT]
    f.ip_id = 0
    f.ip_proto = p[IPV6_NEXT_HEADER]
    payload = be16(p + IPV6_PAYLOAD_LENGTH)
    f.version = 6
    f.jumbo_at = -1
    if payload or f.ip_proto == IPV6_NO_NEXT:
        f.ip_bytes = <u32>(IPV6_SIZE + payload)
        narrow(f, at + IPV6_SIZE + payload)
    else:
        f.ip_bytes = <u32>(f.wire_end - at)
        f.jumbo_at = at + IPV6_SIZE
    return by_protocol(k, f, f.ip_proto, at + IPV6_SIZE)


cdef int read_extension(Kernel k, Frame* f) except -1 nogil:
    cdef i64 at = f.at, length, size
    cdef u8 kind = f.ip_proto
    if short(f, at, IPV6_EXTENSION_SIZE):
        return LAYER_DONE
    f.ip_proto = <u8>k.u8at(at + IPV6_EXTENSION_NEXT)
    length = k.u8at(at + IPV6_EXTENSION_LENGTH)
    if kind == IPV6_FRAGMENT:
        f.ip_id = <u16>(k.u32at(at + IPV6_FRAGMENT_ID) & 0xFFFF)
        if k.u16at(at + IPV6_FRAGMENT_OFFSET) >> 3:
            f.payload_bytes = <u32>(f.wire_end - at - IPV6_EXTENSION_SIZE)
            return stop(f, TABLES_LATER_FRAGMENT)
        return by_protocol(k, f, f.ip_proto, at + IPV6_EXTENSION_SIZE)
    size = (length + 2) * 4 if kind == IPV4_AH else (length + 1) * 8
    if short(f, at, size):
        return LAYER_DONE
    if kind == IPV6_HOP_BY_HOP and at == f.jumbo_at:
        read_jumbo(k, f, at, at + size)
    return by_protocol(k, f, f.ip_proto, at + size)


cdef int read_jumbo(Kernel k, Frame* f, i64 at, i64 end) except -1 nogil:
    cdef i64 option = at + 2, kind, jumbo
    while option < end:
        kind = k.u8at(option)
        if kind == IPV6_PAD1:
            option += 1
            continue
        if kind == IPV6_JUMBO and option + 6 <= end and k.u8at(option + 1) == 4:
            jumbo = k.u32at(option + 2)
            if jumbo > 0xFFFF:
                f.ip_bytes = <u32>min(IPV6_SIZE + jumbo, <i64>0xFFFFFFFF)
                narrow(f, at + jumbo)
            return 0
        if option + 2 > end:
            return 0
        option += 2 + k.u8at(option + 1)
    return 0
