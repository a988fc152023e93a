# Keys of three words as small numbers: open addressing, linear probing, seeded.
#
# The hash is of the pair-multiply-shift family (Dietzfelbinger): its multipliers are drawn when the
# program starts, so whoever wrote the capture could not choose addresses that collide.

# Before it stand tables of pairs, which forget: see _fast_usual.pxi.

cdef struct MacPair:
    u64 first8              # destination and source, as the header has them
    u32 last4
    u32 src, dst            # ids; 0 = nothing is here


cdef struct IpPair:
    u64 ends                # the smaller address before the other
    u32 small, large        # ids; 0 = nothing is here


@cython.final
cdef class Interner:
    """Numbers keys in the order in which they are first seen, from ``next`` on.

    A slot is four words: the key and, in the fourth, its number (0 = free slot).
    ``fresh`` lists the keys that Python does not know yet.
    """

    cdef u64[:, ::1] slots
    cdef u64[:, ::1] fresh
    cdef u64 seed[6]
    cdef u64 mask
    cdef u64 next
    cdef Py_ssize_t fresh_count

    def __init__(self):
        self.slots = np.zeros((FIRST_SLOTS, 4), dtype=np.uint64)
        self.fresh = np.zeros((FRESH, 3), dtype=np.uint64)
        for at in range(6):
            self.seed[at] = int.from_bytes(os.urandom(8), "big")
        self.mask = FIRST_SLOTS - 1
        self.next = 1
        self.fresh_count = 0

    cdef inline u64 home(self, u64 one, u64 two, u64 three) noexcept nogil:
        """Where the search for a key begins."""
        cdef u64 total = (self.seed[0] + <u32>one) * (self.seed[1] + (one >> 32))
        total += (self.seed[2] + <u32>two) * (self.seed[3] + (two >> 32))
        total += (self.seed[4] + <u32>three) * (self.seed[5] + (three >> 32))
        return (total >> 32) & self.mask

    cdef i64 number(self, u64 one, u64 two, u64 three) except -1 nogil:
        """The number of a key, a new one if it was never seen."""
        cdef u64 at = self.home(one, two, three)
        while self.slots[at, 3]:
            if self.slots[at, 0] == one and self.slots[at, 1] == two and self.slots[at, 2] == three:
                return <i64>self.slots[at, 3]
            at = (at + 1) & self.mask
        self.slots[at, 0] = one
        self.slots[at, 1] = two
        self.slots[at, 2] = three
        self.slots[at, 3] = self.next
        self.fresh[self.fresh_count, 0] = one
        self.fresh[self.fresh_count, 1] = two
        self.fresh[self.fresh_count, 2] = three
        self.fresh_count += 1
        self.next += 1
        return <i64>(self.next - 1)

    cdef bint roomy(self) noexcept nogil:
        """Whether the worst frame still fits: its keys into ``fresh``, and the slots stay half empty."""
        return self.fresh_count + MOST_KEYS <= FRESH and 2 * (self.next + MOST_KEYS) <= self.mask

    cdef int learn(self, u64 one, u64 two, u64 three) except -1:
        """A key that Python numbered."""
        self.number(one, two, three)
        self.fresh_count = 0
        self.grow()
        return 0

    cdef int grow(self) except -1:
        """Twice the slots, when half are taken."""
        cdef u64[:, ::1] old = self.slots
        cdef Py_ssize_t slot
        cdef u64 at
        if 2 * (self.next + MOST_KEYS) <= self.mask:
            return 0
        self.mask = 2 * self.mask + 1
        self.slots = np.zeros((self.mask + 1, 4), dtype=np.uint64)
        for slot in range(old.shape[0]):
            if old[slot, 3]:
                at = self.home(old[slot, 0], old[slot, 1], old[slot, 2])
                while self.slots[at, 3]:
                    at = (at + 1) & self.mask
                self.slots[at, :] = old[slot, :]
        return 0
