/* Provides MPI 5's standard ABI on top of the MPI that this file is compiled for. A constant that the ABI does not define ends the
   process, which reveals a wrong one in the binding. The functions have names of their own and get the standard's through assembler
   labels, because mpi.h already declares the standard's names with this MPI's own types. */
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define AS(name) __asm__("MPI_" name)

static intptr_t fail_unknown(const char *what, intptr_t value)
{
    fprintf(stderr, "abi_shim: %#lx is not a %s of the standard ABI\n", (unsigned long)value, what);
    abort();
}

static MPI_Comm to_comm(intptr_t comm)
{
    if (comm == 0x101)
        return MPI_COMM_WORLD;
    /* In the standard, every value below 4096 is a constant. The communicators that this file returns lie outside that range. */
    return (MPI_Comm)(comm >= 0 && comm < 4096 ? fail_unknown("communicator", comm) : comm);
}

static MPI_Datatype to_type(intptr_t type)
{
    switch (type) {
    case 0x210: return MPI_FLOAT;
    case 0x214: return MPI_DOUBLE;
    case 0x240: return MPI_INT8_T;
    case 0x241: return MPI_UINT8_T;
    case 0x247: return MPI_BYTE;
    case 0x248: return MPI_INT16_T;
    case 0x250: return MPI_INT32_T;
    case 0x258: return MPI_INT64_T;
    default: return (MPI_Datatype)fail_unknown("datatype", type);
    }
}

static MPI_Op to_op(intptr_t op)
{
    switch (op) {
    case 0x21: return MPI_SUM;
    case 0x22: return MPI_MIN;
    case 0x23: return MPI_MAX;
    case 0x24: return MPI_PROD;
    default: return (MPI_Op)fail_unknown("operation", op);
    }
}

static int to_source(int source) { return source == -1 ? MPI_ANY_SOURCE : (int)fail_unknown("source", source); }

static MPI_Status *to_status(void *status) { return status == NULL ? MPI_STATUS_IGNORE : (MPI_Status *)fail_unknown("status", (intptr_t)status); }

int abi_version(int *major, int *minor) AS("Abi_get_version");
int abi_version(int *major, int *minor)
{
    *major = 1;
    *minor = 0;
    return 0;
}

int abi_library_version(char *text, int *length) AS("Get_library_version");
int abi_library_version(char *text, int *length) { return PMPI_Get_library_version(text, length); }

int abi_initialized(int *flag) AS("Initialized");
int abi_initialized(int *flag) { return PMPI_Initialized(flag); }

int abi_init(int *count, char ***arguments, int required, int *provided) AS("Init_thread");
int abi_init(int *count, char ***arguments, int required, int *provided)
{
    if (required != 1024)
        fail_unknown("thread level", required);
    int code = PMPI_Init_thread(count, arguments, MPI_THREAD_FUNNELED, provided);
    *provided = *provided == MPI_THREAD_SINGLE ? 0 : *provided == MPI_THREAD_FUNNELED ? 1024 : *provided == MPI_THREAD_SERIALIZED ? 2048 : 4096;
    return code;
}

int abi_finalize(void) AS("Finalize");
int abi_finalize(void) { return PMPI_Finalize(); }

int abi_abort(intptr_t comm, int code) AS("Abort");
int abi_abort(intptr_t comm, int code) { return PMPI_Abort(to_comm(comm), code); }

int abi_set_errhandler(intptr_t comm, intptr_t handler) AS("Comm_set_errhandler");
int abi_set_errhandler(intptr_t comm, intptr_t handler)
{
    return PMPI_Comm_set_errhandler(to_comm(comm), handler == 0x143 ? MPI_ERRORS_RETURN : (MPI_Errhandler)fail_unknown("error handler", handler));
}

int abi_error_string(int code, char *text, int *length) AS("Error_string");
int abi_error_string(int code, char *text, int *length) { return PMPI_Error_string(code, text, length); }

int abi_rank(intptr_t comm, int *rank) AS("Comm_rank");
int abi_rank(intptr_t comm, int *rank) { return PMPI_Comm_rank(to_comm(comm), rank); }

int abi_size(intptr_t comm, int *size) AS("Comm_size");
int abi_size(intptr_t comm, int *size) { return PMPI_Comm_size(to_comm(comm), size); }

int abi_dup(intptr_t comm, intptr_t *result) AS("Comm_dup");
int abi_dup(intptr_t comm, intptr_t *result)
{
    MPI_Comm made;
    int code = PMPI_Comm_dup(to_comm(comm), &made);
    *result = (intptr_t)made;
    return code;
}

int abi_split_type(intptr_t comm, int type, int key, intptr_t info, intptr_t *result) AS("Comm_split_type");
int abi_split_type(intptr_t comm, int type, int key, intptr_t info, intptr_t *result)
{
    MPI_Comm made;
    if (type != 221)
        fail_unknown("split type", type);
    if (info != 0x130)
        fail_unknown("info", info);
    int code = PMPI_Comm_split_type(to_comm(comm), MPI_COMM_TYPE_SHARED, key, MPI_INFO_NULL, &made);
    *result = (intptr_t)made;
    return code;
}

int abi_free(intptr_t *comm) AS("Comm_free");
int abi_free(intptr_t *comm)
{
    MPI_Comm freed = to_comm(*comm);
    int code = PMPI_Comm_free(&freed);
    *comm = 0x100;
    return code;
}

int abi_iallreduce(void *send, void *receive, int count, intptr_t type, intptr_t op, intptr_t comm, intptr_t *request) AS("Iallreduce");
int abi_iallreduce(void *send, void *receive, int count, intptr_t type, intptr_t op, intptr_t comm, intptr_t *request)
{
    MPI_Request made;
    int code = PMPI_Iallreduce(send == (void *)1 ? MPI_IN_PLACE : (void *)fail_unknown("place", (intptr_t)send), receive, count, to_type(type), to_op(op), to_comm(comm), &made);
    *request = (intptr_t)made;
    return code;
}

int abi_ibcast(void *buffer, int count, intptr_t type, int root, intptr_t comm, intptr_t *request) AS("Ibcast");
int abi_ibcast(void *buffer, int count, intptr_t type, int root, intptr_t comm, intptr_t *request)
{
    MPI_Request made = MPI_REQUEST_NULL;
    int code = PMPI_Ibcast(buffer, count, to_type(type), root, to_comm(comm), &made);
    *request = (intptr_t)made;
    return code;
}

int abi_ibarrier(intptr_t comm, intptr_t *request) AS("Ibarrier");
int abi_ibarrier(intptr_t comm, intptr_t *request)
{
    MPI_Request made;
    int code = PMPI_Ibarrier(to_comm(comm), &made);
    *request = (intptr_t)made;
    return code;
}

int abi_test(intptr_t *request, int *flag, void *status) AS("Test");
int abi_test(intptr_t *request, int *flag, void *status)
{
    MPI_Request tested = *request == 0x180 ? MPI_REQUEST_NULL : (MPI_Request)*request;
    int code = PMPI_Test(&tested, flag, to_status(status));
    *request = tested == MPI_REQUEST_NULL ? 0x180 : (intptr_t)tested;
    return code;
}

int abi_isend(void *buffer, int count, intptr_t type, int destination, int tag, intptr_t comm, intptr_t *request) AS("Isend");
int abi_isend(void *buffer, int count, intptr_t type, int destination, int tag, intptr_t comm, intptr_t *request)
{
    MPI_Request made;
    int code = PMPI_Isend(buffer, count, to_type(type), destination, tag, to_comm(comm), &made);
    *request = (intptr_t)made;
    return code;
}

int abi_iprobe(int source, int tag, intptr_t comm, int *flag, void *status) AS("Iprobe");
int abi_iprobe(int source, int tag, intptr_t comm, int *flag, void *status) { return PMPI_Iprobe(to_source(source), tag, to_comm(comm), flag, to_status(status)); }

int abi_recv(void *buffer, int count, intptr_t type, int source, int tag, intptr_t comm, void *status) AS("Recv");
int abi_recv(void *buffer, int count, intptr_t type, int source, int tag, intptr_t comm, void *status)
{
    return PMPI_Recv(buffer, count, to_type(type), to_source(source), tag, to_comm(comm), to_status(status));
}
