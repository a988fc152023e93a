# Link layers: ethernet.py vlan.py mpls.py nsh.py ppp.py sll.py nflog.py arp.py linktypes.py
#
# A reader answers with the next layer; -1 is an exception (an index out of bounds, which only
# a batch whose arrays lie can cause).

cdef inline bint short(Frame* f, i64 at, i64 octets) noexcept nogil:
    """Whether ``octets`` do not fit at ``at``; then the frame is stopped, as ``Frame.need`` stops it."""
    if at + octets <= f.end:
        return False
    f.verdict = TABLES_CUT if f.end == f.captured and f.cut else TABLES_MALFORMED
    return True


cdef inline int stop(Frame* f, u8 verdict) noexcept nogil:
    f.verdict = verdict
    return LAYER_DONE


cdef inline void narrow(Frame* f, i64 end) noexcept nogil:
    f.wire_end = end
    if end < f.end:
        f.end = end


cdef int read_layer(Kernel k, Frame* f, int layer) except -1 nogil:
    """One header, at ``f.at``."""
    if layer == LAYER_ETHERNET:
        return read_ethernet(k, f)
    elif layer == LAYER_IPV4:
        return read_ipv4(k, f)
    elif layer == LAYER_TCP:
        return read_tcp(k, f)
    elif layer == LAYER_IPV6:
        return read_ipv6(k, f)
    elif layer == LAYER_UDP:
        return read_udp(k, f)
    elif layer == LAYER_VLAN:
        return read_vlan(k, f)
    elif layer == LAYER_SLL:
        return read_sll(k, f)
    elif layer == LAYER_SLL2:
        return read_sll2(k, f)
    elif layer == LAYER_ARP:
        return read_arp(k, f)
    elif layer == LAYER_ICMP:
        return read_icmp(k, f)
    elif layer == LAYER_ICMPV6:
        return read_icmpv6(k, f)
    elif layer == LAYER_EXTENSION:
        return read_extension(k, f)
    elif layer == LAYER_IP:
        return read_any_ip(k, f)
    elif layer == LAYER_LLC:
        return read_llc(k, f)
    elif layer == LAYER_SHIM:
        return read_shim(k, f)
    elif layer == LAYER_WRAP:
        return read_wrap(k, f)
    elif layer == LAYER_MPLS:
        return read_mpls(k, f)
    elif layer == LAYER_NSH:
        return read_nsh(k, f)
    elif layer == LAYER_PPPOE:
        return read_pppoe(k, f)
    elif layer == LAYER_PPP:
        return read_ppp(k, f)
    elif layer == LAYER_CHDLC:
        return read_chdlc(k, f)
    elif layer == LAYER_NULL:
        return read_null(k, f)
    elif layer == LAYER_NFLOG:
        return read_nflog(k, f)
    elif layer == LAYER_GRE:
        return read_gre(k, f)
    elif layer == LAYER_VXLAN:
        return read_vxlan(k, f)
    elif layer == LAYER_VXLAN_GPE:
        return read_vxlan_gpe(k, f)
    elif layer == LAYER_GENEVE:
        return read_geneve(k, f)
    else:
        return read_gtp(k, f)


cdef inline int by_ethertype(Frame* f, i64 ethertype, i64 at) noexcept nogil:
    """ethernet.ETHERTYPES and ethernet.SHIMS."""
    f.at = at
    if ethertype == 0x0800:
        return LAYER_IPV4
    if ethertype <= ETHERNET_LENGTH_MAX:
        return LAYER_LLC
    if ethertype == 0x86DD:
        return LAYER_IPV6
    elif ethertype == 0x8100 or ethertype == 0x88A8 or ethertype == 0x9100 or ethertype == 0x9200:
        return LAYER_VLAN
    elif ethertype == 0x0806:
        return LAYER_ARP
    elif ethertype == 0x8847 or ethertype == 0x8848:
        return LAYER_MPLS
    elif ethertype == 0x8864:
        return LAYER_PPPOE
    elif ethertype == 0x8909 or ethertype == 0x893F:
        f.shim = 6
        return LAYER_SHIM
    elif ethertype == 0x8926:
        f.shim = 4
        return LAYER_SHIM
    elif ethertype == 0x88E7:
        f.shim = 4
        return LAYER_WRAP
    elif ethertype == 0x8903:
        f.shim = 2
        return LAYER_WRAP
    elif ethertype == 0x894F:
        return LAYER_NSH
    return stop(f, TABLES_NOT_IP)


cdef inline int read_ethernet(Kernel k, Frame* f) except -1 nogil:
    cdef const u8* p
    if short(f, f.at, ETHERNET_SIZE):
        return LAYER_DONE
    p = k.span(f.at, ETHERNET_SIZE)
    f.src_mac = <u32>k.intern6(SRC_MAC, p + ETHERNET_SRC)
    f.dst_mac = <u32>k.intern6(DST_MAC, p + ETHERNET_DST)
    f.vlan = 0
    f.broadcast = be32(p + ETHERNET_DST) == <u32>0xFFFFFFFF and be16(p + ETHERNET_DST + 4) == 0xFFFF
    return by_ethertype(f, be16(p + ETHERNET_TYPE), f.at + ETHERNET_SIZE)


cdef int read_llc(Kernel k, Frame* f) except -1 nogil:
    cdef i64 at = f.at, llc, oui, ethertype
    if short(f, at, ETHERNET_LLC_SIZE):
        return LAYER_DONE
    llc = k.u24at(at)
    if llc == ETHERNET_LLC_IP:
        f.at = at + ETHERNET_LLC_SIZE
        return LAYER_IPV4
    if llc != ETHERNET_SNAP:
        return stop(f, TABLES_NOT_IP)
    if short(f, at, ETHERNET_SNAP_SIZE):
        return LAYER_DONE
    oui = k.u24at(at + ETHERNET_SNAP_OUI)
    ethertype = k.u16at(at + ETHERNET_SNAP_TYPE)
    if (oui != ETHERNET_ENCAPSULATED_ETHERNET and oui != ETHERNET_BRIDGED_ETHERNET) or ethertype <= ETHERNET_LENGTH_MAX:
        return stop(f, TABLES_NOT_IP)
    return by_ethertype(f, ethertype, at + ETHERNET_SNAP_SIZE)


cdef int read_shim(Kernel k, Frame* f) except -1 nogil:
    cdef i64 at = f.at + f.shim
    if short(f, at, 2):
        return LAYER_DONE
    return by_ethertype(f, k.u16at(at), at + 2)


cdef int read_wrap(Kernel k, Frame* f) except -1 nogil:
    if short(f, f.at, f.shim):
        return LAYER_DONE
    f.at += f.shim
    return LAYER_ETHERNET


cdef int read_vlan(Kernel k, Frame* f) except -1 nogil:
    cdef i64 at = f.at
    if short(f, at, VLAN_SIZE):
        return LAYER_DONE
    f.vlan = <u16>(k.u16at(at + VLAN_TCI) & VLAN_IDENTIFIER)
    return by_ethertype(f, k.u16at(at + VLAN_TYPE), at + VLAN_SIZE)


cdef int read_mpls(Kernel k, Frame* f) except -1 nogil:
    cdef i64 first
    if short(f, f.at, MPLS_SIZE):
        return LAYER_DONE
    f.at += MPLS_SIZE
    if not k.u8at(f.at - MPLS_SIZE + MPLS_BOTTOM) & MPLS_BOTTOM_BIT:
        return LAYER_MPLS
    if short(f, f.at, 1):
        return LAYER_DONE
    first = k.u8at(f.at) >> 4
    if first == 4:
        return LAYER_IPV4
    if first == 6:
        return LAYER_IPV6
    if first == 1:
        return stop(f, TABLES_NOT_IP)
    if first == 0:
        f.at += MPLS_CONTROL_WORD_SIZE
    return LAYER_ETHERNET


cdef inline int nsh_protocol(i64 protocol) noexcept nogil:
    """nsh.PROTOCOLS; LAYER_DONE for any other."""
    if protocol == 1:
        return LAYER_IPV4
    if protocol == 2:
        return LAYER_IPV6
    if protocol == 3:
        return LAYER_ETHERNET
    if protocol == 4:
        return LAYER_NSH
    if protocol == 5:
        return LAYER_MPLS
    return LAYER_DONE


cdef int read_nsh(Kernel k, Frame* f) except -1 nogil:
    cdef i64 size
    cdef int layer
    if short(f, f.at, NSH_SIZE):
        return LAYER_DONE
    size = (k.u16at(f.at + NSH_LENGTH) & NSH_LENGTH_BITS) * 4
    layer = nsh_protocol(k.u8at(f.at + NSH_PROTOCOL))
    if layer == LAYER_DONE or size < NSH_SIZE:
        return stop(f, TABLES_NOT_IP)
    f.at += size
    return layer


cdef int read_pppoe(Kernel k, Frame* f) except -1 nogil:
    if short(f, f.at, PPP_PPPOE_SIZE):
        return LAYER_DONE
    if k.u8at(f.at) != PPP_PPPOE_VERSION_AND_TYPE:
        return stop(f, TABLES_MALFORMED)
    if k.u8at(f.at + PPP_PPPOE_CODE):
        return stop(f, TABLES_NOT_IP)
    f.at += PPP_PPPOE_SIZE
    return LAYER_PPP


cdef int read_ppp(Kernel k, Frame* f) except -1 nogil:
    cdef i64 at = f.at, protocol, size = 1
    if short(f, at, 1):
        return LAYER_DONE
    if k.u8at(at) == PPP_HDLC_ADDRESS:
        if short(f, at, 2):
            return LAYER_DONE
        if k.u8at(at + 1) == PPP_HDLC_CONTROL:
            at += 2
    if short(f, at, 1):
        return LAYER_DONE
    protocol = k.u8at(at)
    if not protocol & 1:
        if short(f, at, 2):
            return LAYER_DONE
        protocol = k.u16at(at)
        size = 2
    f.at = at + size
    if protocol == 0x0021:
        return LAYER_IPV4
    if protocol == 0x0057:
        return LAYER_IPV6
    if protocol == 0x0281 or protocol == 0x0283:
        return LAYER_MPLS
    return stop(f, TABLES_NOT_IP)


cdef int read_chdlc(Kernel k, Frame* f) except -1 nogil:
    cdef i64 at = f.at, address, ethertype
    if short(f, at, 1):
        return LAYER_DONE
    address = k.u8at(at)
    if address == PPP_HDLC_ADDRESS:
        return LAYER_PPP
    if short(f, at, PPP_CHDLC_SIZE):
        return LAYER_DONE
    ethertype = k.u16at(at + PPP_CHDLC_TYPE)
    if (address != PPP_CHDLC_UNICAST and address != PPP_CHDLC_MULTICAST) or ethertype <= ETHERNET_LENGTH_MAX:
        return stop(f, TABLES_NOT_IP)
    return by_ethertype(f, ethertype, at + PPP_CHDLC_SIZE)
