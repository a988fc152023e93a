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
        f.src_mac = <u32>k.intern6(SRC_MAC, address)
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
                f.src_mac = <u32>k.intern6(SRC_MAC, value + NFLOG_HARDWARE_ADDRESS_AT)
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
    f.about_mac = <u32>k.intern6(SRC_MAC, at + ARP_SENDER_MAC)
    f.src = <u32>k.intern4(SRC, at + ARP_SENDER_IP)
    f.dst = <u32>k.intern4(DST, at + ARP_TARGET_IP)
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
    """
    k.words[1, row] = f.src_mac
    k.words[2, row] = f.dst_mac
    k.words[3, row] = f.src
    k.words[4, row] = f.dst
    k.words[5, row] = f.ip_bytes
    k.words[6, row] = f.seq
    k.words[7, row] = f.ack
    k.words[8, row] = f.tsval
    k.words[9, row] = f.tsecr
    k.words[10, row] = f.payload_bytes
    if f.tunnel:
        k.words[0, row] = f.tunnel
    if f.ifindex:
        k.words[11, row] = f.ifindex
    if f.about_ip | f.about_mac:
        k.words[12, row] = f.about_ip
        k.words[13, row] = f.about_mac
    k.halves[1, row] = f.ip_id
    k.halves[2, row] = f.src_port
    k.halves[3, row] = f.dst_port
    k.halves[4, row] = f.window
    if f.vlan:
        k.halves[0, row] = f.vlan
    if f.mss:
        k.halves[5, row] = f.mss
    k.bytes[0, row] = f.verdict
    k.bytes[1, row] = f.kind
    k.bytes[2, row] = f.ip_proto
    k.bytes[3, row] = f.ttl
    k.bytes[4, row] = f.flags
    k.bytes[5, row] = f.has_ts
    if f.direction:
        k.bytes[6, row] = f.direction
    if f.code:
        k.bytes[7, row] = f.code
    if f.quote_src | f.quote_dst:
        k.words[14, row] = f.quote_src
        k.words[15, row] = f.quote_dst
        k.halves[6, row] = f.quote_src_port
        k.halves[7, row] = f.quote_dst_port
        k.bytes[8, row] = f.quote_proto
    return 0
