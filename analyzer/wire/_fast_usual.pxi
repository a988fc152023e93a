# The frame that most frames are: TCP in IPv4 in Ethernet, whole, its only option a time stamp.
#
# ``write_usual`` says of it what the readers of the layers would say, in one go; all else is left to them.  The
# twins are compared on both ways.  Its pairs of addresses are looked up together, in tables without probing:
# what is not there, or was pushed out, is asked of the Interner, which also keeps the numbers in their order.

cdef inline u32 mac_place(u64 first8, u32 last4) noexcept nogil:
    return <u32>((first8 * SPREAD ^ last4 * SPREAD) >> (64 - MAC_PAIR_BITS))


cdef inline u32 ip_place(u32 small, u32 large) noexcept nogil:
    return <u32>(((<u64>small << 32 | large) * SPREAD) >> (64 - IP_PAIR_BITS))


cdef inline int find_macs(Kernel k, const u8* p, u32* src, u32* dst) except -1 nogil:
    cdef u64 first8 = be64(p)
    cdef u32 last4 = be32(p + 8)
    cdef MacPair* pair = &k.mac_pairs[mac_place(first8, last4)]
    if pair.src == 0 or pair.first8 != first8 or pair.last4 != last4:
        src[0] = <u32>k.intern6(SRC_MAC, p + ETHERNET_SRC)
        dst[0] = <u32>k.intern6(DST_MAC, p + ETHERNET_DST)
        pair.first8, pair.last4, pair.src, pair.dst = first8, last4, src[0], dst[0]
    src[0], dst[0] = pair.src, pair.dst
    return 0


cdef inline int find_ips(Kernel k, const u8* p, u32* src, u32* dst) except -1 nogil:
    """``p``: where the source address stands, and behind it the destination."""
    cdef u32 one = be32(p), other = be32(p + 4)
    cdef bint turned = one > other
    cdef u32 small = other if turned else one, large = one if turned else other
    cdef u64 ends = <u64>small << 32 | large
    cdef IpPair* pair = &k.ip_pairs[ip_place(small, large)]
    cdef u32 ids[2]
    if pair.small == 0 or pair.ends != ends:
        ids[0] = <u32>k.intern4(SRC, p)
        ids[1] = <u32>k.intern4(DST, p + 4)
        pair.ends, pair.small, pair.large = ends, ids[turned], ids[1 - turned]
    src[0] = pair.large if turned else pair.small
    dst[0] = pair.small if turned else pair.large
    return 0


cdef inline const u8* ends_of(Kernel k, i64 start, u32 captured) except? NULL nogil:
    """Where the addresses of a later frame stand, if it is an untagged one; a wrong guess costs nothing."""
    if captured < ETHERNET_SIZE + IPV4_SIZE:
        return NULL
    return k.span(start, ETHERNET_SIZE + IPV4_SIZE) + ETHERNET_SIZE + IPV4_SRC


cdef inline int ask_pair(Kernel k, i64 start, u32 captured) except -1 nogil:
    """Have the place of its ends among the pairs brought into the cache."""
    cdef const u8* p = ends_of(k, start, captured)
    cdef u32 one, other
    if p != NULL:
        one, other = be32(p), be32(p + 4)
        soon(&k.ip_pairs[ip_place(min(one, other), max(one, other))])
    return 0


cdef inline int ask_slots(Kernel k, i64 start, u32 captured) except -1 nogil:
    """And if they are not there, their slots in the Interner."""
    cdef const u8* p = ends_of(k, start, captured)
    cdef u32 one, other, small, large
    if p != NULL:
        one, other = be32(p), be32(p + 4)
        small, large = min(one, other), max(one, other)
        if k.ip_pairs[ip_place(small, large)].ends != (<u64>small << 32 | large):
            soon(&k.addresses.slots[k.addresses.home(one, 0, 4), 0])
            soon(&k.addresses.slots[k.addresses.home(other, 0, 4), 0])
    return 0


cdef inline int write_usual(Kernel k, Py_ssize_t row, i64 start, u32 captured) except -1 nogil:
    """Whether the frame (of Ethernet) is a usual one; then its row is written."""
    cdef const u8* p
    cdef const u8* ip
    cdef const u8* tcp
    cdef i64 at = ETHERNET_SIZE, total, header
    cdef u16 vlan = 0
    if captured < ETHERNET_SIZE + VLAN_SIZE:
        return False
    p = k.span(start, captured)
    if be16(p + ETHERNET_TYPE) == 0x8100:
        vlan = be16(p + ETHERNET_SIZE + VLAN_TCI) & VLAN_IDENTIFIER
        at += VLAN_SIZE
    if captured < at + IPV4_SIZE + TCP_SIZE:
        return False
    ip = p + at
    tcp = ip + IPV4_SIZE
    total = be16(ip + IPV4_TOTAL_LENGTH)
    header = (tcp[TCP_OFFSET] >> 4) * 4
    if (be16(ip - 2) != 0x0800 or ip[IPV4_VERSION_IHL] != 0x45 or ip[IPV4_PROTOCOL] != IPV4_TCP
            or be16(ip + IPV4_FRAGMENT) & IPV4_FRAGMENT_OFFSET or header < TCP_SIZE or total < IPV4_SIZE + header
            or captured < at + IPV4_SIZE + header):
        return False
    if header != TCP_SIZE and (header != USUAL_HEADER or be32(tcp + TCP_SIZE) != USUAL_OPTIONS):
        return False
    cdef Py_ssize_t s4 = k.words.shape[1], s2 = k.halves.shape[1], s1 = k.bytes.shape[1]
    cdef u32* words = &k.words[15, row] - 15 * s4
    cdef u16* halves = &k.halves[7, row] - 7 * s2
    cdef u8* octets = &k.bytes[8, row] - 8 * s1
    find_macs(k, p, &words[1 * s4], &words[2 * s4])
    find_ips(k, ip + IPV4_SRC, &words[3 * s4], &words[4 * s4])
    words[5 * s4] = <u32>total
    words[6 * s4] = be32(tcp + TCP_SEQ)
    words[7 * s4] = be32(tcp + TCP_ACK)
    words[10 * s4] = <u32>(total - IPV4_SIZE - header)
    halves[1 * s2] = be16(ip + IPV4_IDENTIFICATION)
    halves[2 * s2] = be16(tcp + TCP_SRC_PORT)
    halves[3 * s2] = be16(tcp + TCP_DST_PORT)
    halves[4 * s2] = be16(tcp + TCP_WINDOW)
    octets[1 * s1] = TABLES_TCP
    octets[2 * s1] = IPV4_TCP
    octets[3 * s1] = ip[IPV4_TTL]
    octets[4 * s1] = tcp[TCP_FLAGS]
    if vlan:
        halves[0] = vlan
    if header != TCP_SIZE:
        words[8 * s4] = be32(tcp + TCP_SIZE + 4)
        words[9 * s4] = be32(tcp + TCP_SIZE + 8)
        octets[5 * s1] = 1
    return True
