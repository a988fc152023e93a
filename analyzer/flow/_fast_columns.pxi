# The compiled tracker: pointers to the columns of tables, each checked to hold as many values as the table has rows.


cdef const int64_t *i8(column, Py_ssize_t rows) except NULL:
    cdef const int64_t[::1] view = column
    if view.shape[0] != rows:
        raise ValueError(f"a column of {view.shape[0]} values in a table of {rows}")
    return &view[0]


cdef const uint32_t *u4(column, Py_ssize_t rows) except NULL:
    cdef const uint32_t[::1] view = column
    if view.shape[0] != rows:
        raise ValueError(f"a column of {view.shape[0]} values in a table of {rows}")
    return &view[0]


cdef const uint16_t *u2(column, Py_ssize_t rows) except NULL:
    cdef const uint16_t[::1] view = column
    if view.shape[0] != rows:
        raise ValueError(f"a column of {view.shape[0]} values in a table of {rows}")
    return &view[0]


cdef const uint8_t *u1(column, Py_ssize_t rows) except NULL:
    cdef const uint8_t[::1] view = column
    if view.shape[0] != rows:
        raise ValueError(f"a column of {view.shape[0]} values in a table of {rows}")
    return &view[0]


cdef int64_t *w8(column, Py_ssize_t rows) except NULL:
    cdef int64_t[::1] view = column
    if view.shape[0] != rows:
        raise ValueError(f"a column of {view.shape[0]} values in a table of {rows}")
    return &view[0]


cdef uint32_t *w4(column, Py_ssize_t rows) except NULL:
    cdef uint32_t[::1] view = column
    if view.shape[0] != rows:
        raise ValueError(f"a column of {view.shape[0]} values in a table of {rows}")
    return &view[0]


cdef uint16_t *w2(column, Py_ssize_t rows) except NULL:
    cdef uint16_t[::1] view = column
    if view.shape[0] != rows:
        raise ValueError(f"a column of {view.shape[0]} values in a table of {rows}")
    return &view[0]


cdef uint8_t *w1(column, Py_ssize_t rows) except NULL:
    cdef uint8_t[::1] view = column
    if view.shape[0] != rows:
        raise ValueError(f"a column of {view.shape[0]} values in a table of {rows}")
    return &view[0]
