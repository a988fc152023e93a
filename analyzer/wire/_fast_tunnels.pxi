# Tunnels: gre.py vxlan.py geneve.py gtp.py

cdef int read_gre(Kernel k, Frame* f) except -1 nogil:
    cdef i64 at = f.at, flags, protocol, version, key = PATHS_NO_KEY, after = f.at + GRE_SIZE
    if short(f, at, GRE_SIZE):
        return LAYER_DONE
    flags = k.u16at(at + GRE_FLAGS)
    protocol = k.u16at(at + GRE_PROTOCOL)
    version = flags & GRE_VERSION
    if flags & GRE_WITH_ROUTING or version > 1:
        return LAYER_DONE
    if flags & GRE_WITH_CHECKSUM and not version:
        after += 4
    if flags & GRE_WITH_KEY:
        if short(f, after, 4):
            return LAYER_DONE
        key = k.u32at(after)
        after += 4
    if flags & GRE_WITH_SEQUENCE:
        after += 4
    if version:
        return read_gre_1(k, f, protocol, key, after + 4 if flags & GRE_WITH_ACK else after)
    f.at = after
    if protocol == GRE_ERSPAN or protocol == GRE_ERSPAN3:
        return read_erspan(k, f, protocol, flags)
    if protocol == GRE_TRANSPARENT_ETHERNET:
        if key != PATHS_NO_KEY and not flags & (GRE_WITH_CHECKSUM | GRE_WITH_SEQUENCE):
            enter(k, f, PATHS_NVGRE, key >> 8, 0, 0)
        else:
            enter_between(k, f, PATHS_GRETAP, key)
        return LAYER_ETHERNET
    if protocol == GRE_WCCP:
        if short(f, after, 1):
            return LAYER_DONE
        if k.u8at(after) >> 4 != 4:
            f.at += GRE_WCCP_SIZE
        enter_between(k, f, PATHS_WCCP, PATHS_NO_KEY)
        return LAYER_IPV4
    if protocol == GRE_PPP:
        enter_between(k, f, PATHS_GRE, key)
        return LAYER_PPP
    if protocol == 0x0800:
        enter_between(k, f, PATHS_GRE, key)
        return LAYER_IPV4
    if protocol == 0x86DD:
        enter_between(k, f, PATHS_GRE, key)
        return LAYER_IPV6
    if protocol == 0x8847 or protocol == 0x8848:
        enter_between(k, f, PATHS_GRE, key)
        return LAYER_MPLS
    return LAYER_DONE


cdef int read_gre_1(Kernel k, Frame* f, i64 protocol, i64 key, i64 at) except -1 nogil:
    f.at = at
    if at >= f.wire_end:
        return LAYER_DONE
    if protocol == GRE_PPP:
        enter_between(k, f, PATHS_PPTP, PATHS_NO_KEY)
        return LAYER_PPP
    if protocol == GRE_EOIP and key != PATHS_NO_KEY:
        enter_between(k, f, PATHS_EOIP, (key & 0xFF) << 8 | key >> 8 & 0xFF)
        return LAYER_ETHERNET
    return LAYER_DONE


cdef int read_erspan(Kernel k, Frame* f, i64 protocol, i64 flags) except -1 nogil:
    cdef i64 at = f.at
    cdef int layer = LAYER_ETHERNET
    if protocol == GRE_ERSPAN3:
        if short(f, at, GRE_ERSPAN3_SIZE):
            return LAYER_DONE
        if k.u8at(at + GRE_ERSPAN3_FRAME_TYPE) >> 2 & 0x1F == GRE_ERSPAN3_IP:
            layer = LAYER_IP
        f.at += GRE_ERSPAN3_SIZE
        if k.u8at(at + GRE_ERSPAN3_FLAGS) & GRE_ERSPAN3_OPTIONAL:
            f.at += GRE_ERSPAN3_MORE
    elif flags & GRE_WITH_SEQUENCE:
        if short(f, at, GRE_ERSPAN2_SIZE):
            return LAYER_DONE
        f.at += GRE_ERSPAN2_SIZE
    enter(k, f, PATHS_ERSPAN, PATHS_NO_KEY, 0, 0)
    return layer


cdef int read_vxlan(Kernel k, Frame* f) except -1 nogil:
    cdef i64 at = f.at
    if at + VXLAN_SIZE > f.wire_end or short(f, at, VXLAN_SIZE):
        return LAYER_DONE
    if not k.u8at(at + VXLAN_FLAGS) & VXLAN_VALID:
        return LAYER_DONE
    enter(k, f, PATHS_VXLAN, k.u24at(at + VXLAN_VNI), 0, 0)
    f.at = at + VXLAN_SIZE
    return LAYER_ETHERNET


cdef int read_vxlan_gpe(Kernel k, Frame* f) except -1 nogil:
    cdef i64 at = f.at, protocol
    cdef int layer = LAYER_ETHERNET
    if at + VXLAN_SIZE > f.wire_end or short(f, at, VXLAN_SIZE):
        return LAYER_DONE
    protocol = k.u8at(at + VXLAN_PROTOCOL)
    if protocol:
        layer = nsh_protocol(protocol)
    if layer == LAYER_DONE or not k.u8at(at + VXLAN_FLAGS) & VXLAN_VALID:
        return LAYER_DONE
    enter(k, f, PATHS_VXLAN, k.u24at(at + VXLAN_VNI), 0, 0)
    f.at = at + VXLAN_SIZE
    return layer


cdef int read_geneve(Kernel k, Frame* f) except -1 nogil:
    cdef i64 at = f.at, head, protocol
    cdef int layer
    if at + GENEVE_SIZE > f.wire_end or short(f, at, GENEVE_SIZE):
        return LAYER_DONE
    head = k.u8at(at + GENEVE_HEAD)
    protocol = k.u16at(at + GENEVE_PROTOCOL)
    if protocol == 0x6558:
        layer = LAYER_ETHERNET
    elif protocol == 0x0800:
        layer = LAYER_IPV4
    elif protocol == 0x86DD:
        layer = LAYER_IPV6
    else:
        return LAYER_DONE
    if head >> 6:
        return LAYER_DONE
    enter(k, f, PATHS_GENEVE, k.u24at(at + GENEVE_VNI), 0, 0)
    f.at = at + GENEVE_SIZE + (head & GENEVE_OPTIONS) * 4
    return layer


cdef int read_gtp(Kernel k, Frame* f) except -1 nogil:
    cdef i64 at = f.at, flags, after, following, size, version
    cdef int step
    if at + GTP_SIZE > f.wire_end or short(f, at, GTP_SIZE):
        return LAYER_DONE
    flags = k.u8at(at + GTP_FLAGS)
    if flags & GTP_VERSION_AND_TYPE != GTP_GTP_1 or k.u8at(at + GTP_TYPE) != GTP_GPDU:
        return LAYER_DONE
    after = at + GTP_SIZE
    if flags & GTP_OPTIONAL:
        if short(f, at, GTP_LONG_SIZE):
            return LAYER_DONE
        after = at + GTP_LONG_SIZE
        following = k.u8at(at + GTP_NEXT_TYPE) if flags & GTP_EXTENDED else 0
        for step in range(GTP_MAX_EXTENSIONS):
            if not following:
                break
            if short(f, after, 1):
                return LAYER_DONE
            size = k.u8at(after) * 4
            if not size:
                return LAYER_DONE
            if short(f, after + size - 1, 1):
                return LAYER_DONE
            following = k.u8at(after + size - 1)
            after += size
        if following:
            return LAYER_DONE
    if after >= f.wire_end or short(f, after, 1):
        return LAYER_DONE
    version = k.u8at(after) >> 4
    if version != 4 and version != 6:
        return LAYER_DONE
    enter_between(k, f, PATHS_GTP, PATHS_NO_KEY)
    f.at = after
    return LAYER_IP
