# Cooked and raw links, and ARP: sll.py nflog.py arp.py

cdef int read_cooked(Kernel k, Frame* f, i64 packet_type, i64 hardware, i64 length, i64 address,
                     i64 protocol, i64 after) except -1 nogil:
    if packet_type <= 2:
        f.direction = 1
    elif packet_type == 3:
        f.direction = 2
    elif packet_type == 4:
        f.direction = 3
    f.broadcast = packet_type == SLL_BROADCAST
    if length == 6:
        f.src_mac = <u32>k.intern6(SRC_MAC, k.span(address, 6))
    if hardware == SLL_NETLINK:
        return stop(f, TABLES_NOT_IP)
    if protocol == SLL_LLC:
        f.at = after
        return LAYER_LLC
    if protocol <= ETHERNET_LENGTH_MAX:
        return stop(f, TABLES_NOT_IP)
    return by_ethertype(f, protocol, after)


cdef int read_sll(Kernel k, Frame* f) except -1 nogil:
    cdef i64 at = f.at
    if short(f, at, SLL_SIZE):
        return LAYER_DONE
    return read_cooked(k, f, k.u16at(at + SLL_TYPE), k.u16at(at + SLL_HARDWARE), k.u16at(at + SLL_ADDRESS_LENGTH),
                       at + SLL_ADDRESS, k.u16at(at + SLL_PROTOCOL), at + SLL_SIZE)


cdef int read_sll2(Kernel k, Frame* f) except -1 nogil:
    cdef i64 at = f.at
    if short(f, at, SLL_V2_SIZE):
        return LAYER_DONE
    f.ifindex = <u32>k.u32at(at + SLL_V2_IFINDEX)
    return read_cooked(k, f, k.u8at(at + SLL_V2_TYPE), k.u16at(at + SLL_V2_HARDWARE),
                       k.u8at(at + SLL_V2_ADDRESS_LENGTH), at + SLL_V2_ADDRESS, k.u16at(at + SLL_V2_PROTOCOL),
                       at + SLL_V2_SIZE)


cdef int read_null(Kernel k, Frame* f) except -1 nogil:
    cdef i64 at = f.at, family
    if short(f, at, SLL_NULL_SIZE):
        return LAYER_DONE
    family = k.u32at(at)
    if family > 0xFFFF:
        family = (family & 0xFF) << 24 | (family & 0xFF00) << 8 | family >> 8 & 0xFF00 | family >> 24
    f.at = at + SLL_NULL_SIZE
    if family == 2:
        return LAYER_IPV4
    if family == 10 or family == 24 or family == 28 or family == 30:
        return LAYER_IPV6
    return stop(f, TABLES_NOT_IP)


cdef int read_nflog(Kernel k, Frame* f) except -1 nogil:
    cdef i64 at = f.at, length, kind, value
    if short(f, at, NFLOG_SIZE):
        return LAYER_DONE
    at += NFLOG_SIZE
    while True:
        if short(f, at, NFLOG_ATTRIBUTE_SIZE):
            return LAYER_DONE
        if k.u8at(at + 3) == 0:     # little-endian: types are below 256
            length = k.u8at(at + 1) << 8 | k.u8at(at)
            kind = k.u8at(at + 2)
        else:
            length = k.u16at(at)
            kind = k.u16at(at + 2) & 0x7FFF
        if length < NFLOG_ATTRIBUTE_SIZE:
            return stop(f, TABLES_NOT_IP)
        value = at + NFLOG_ATTRIBUTE_SIZE
        if kind == NFLOG_PAYLOAD:
            narrow(f, at + length)
            f.at = value
            return LAYER_IP
        if kind == NFLOG_HARDWARE_ADDRESS and not f.src_mac:
            if short(f, value, 2):
                return LAYER_DONE
            if k.u16at(value) == 6:
                if short(f, value + NFLOG_HARDWARE_ADDRESS_AT, 6):
                    return LAYER_DONE
                f.src_mac = <u32>k.intern6(SRC_MAC, k.span(value + NFLOG_HARDWARE_ADDRESS_AT, 6))
        at += (length + 3) & ~3


cdef int read_arp(Kernel k, Frame* f) except -1 nogil:
    cdef i64 at = f.at, hardware, operation
    cdef bint same
    if short(f, at, ARP_FIXED_SIZE):
        return LAYER_DONE
    hardware = k.u16at(at + ARP_HARDWARE)
    if ((hardware != ARP_ETHERNET and hardware != ARP_IEEE802) or k.u16at(at + ARP_PROTOCOL) != ARP_IPV4
            or k.u16at(at + ARP_LENGTHS) != ARP_SIX_AND_FOUR):
        return stop(f, TABLES_NOT_IP)
    if short(f, at, ARP_SIZE):
        return LAYER_DONE
    operation = k.u16at(at + ARP_OPERATION)
    f.about_mac = <u32>k.intern6(SRC_MAC, k.span(at + ARP_SENDER_MAC, 6))
    f.src = <u32>k.intern4(SRC, k.span(at + ARP_SENDER_IP, 4))
    f.dst = <u32>k.intern4(DST, k.span(at + ARP_TARGET_IP, 4))
    if k.u32at(at + ARP_SENDER_IP):
        f.about_ip = f.src
    same = f.about_ip != 0 and f.src == f.dst
    if operation == ARP_REQUEST:
        f.kind = TABLES_ARP_REQUEST
        f.code = same
    elif operation == ARP_REPLY:
        f.kind = TABLES_ARP_REPLY
        f.code = same or f.broadcast
    return LAYER_DONE


cdef inline int write_row(Kernel k, Frame* f, Py_ssize_t row) except -1 nogil:
    """The frame into its columns, in the order of WORDS, HALVES and OCTETS.

    The columns are zeros beforehand: what is rarely there is only written where it is there.
    The bounds of the first and the last column are checked, and those between lie between.
    """
    cdef Py_ssize_t s4 = k.words.shape[1], s2 = k.halves.shape[1], s1 = k.bytes.shape[1]
    cdef u32* words = &k.words[15, row] - 15 * s4
    cdef u16* halves = &k.halves[7, row] - 7 * s2
    cdef u8* octets = &k.bytes[8, row] - 8 * s1
    words[1 * s4] = f.src_mac
    words[2 * s4] = f.dst_mac
    words[3 * s4] = f.src
    words[4 * s4] = f.dst
    words[5 * s4] = f.ip_bytes
    words[6 * s4] = f.seq
    words[7 * s4] = f.ack
    words[8 * s4] = f.tsval
    words[9 * s4] = f.tsecr
    words[10 * s4] = f.payload_bytes
    if f.tunnel:
        words[0] = f.tunnel
    if f.ifindex:
        words[11 * s4] = f.ifindex
    if f.about_ip | f.about_mac:
        words[12 * s4] = f.about_ip
        words[13 * s4] = f.about_mac
    halves[1 * s2] = f.ip_id
    halves[2 * s2] = f.src_port
    halves[3 * s2] = f.dst_port
    halves[4 * s2] = f.window
    if f.vlan:
        halves[0] = f.vlan
    if f.mss:
        halves[5 * s2] = f.mss
    octets[0] = f.verdict
    octets[1 * s1] = f.kind
    octets[2 * s1] = f.ip_proto
    octets[3 * s1] = f.ttl
    octets[4 * s1] = f.flags
    octets[5 * s1] = f.has_ts
    if f.direction:
        octets[6 * s1] = f.direction
    if f.code:
        octets[7 * s1] = f.code
    if f.quote_src | f.quote_dst:
        words[14 * s4] = f.quote_src
        words[15 * s4] = f.quote_dst
        halves[6 * s2] = f.quote_src_port
        halves[7 * s2] = f.quote_dst_port
        octets[8 * s1] = f.quote_proto
    return 0
