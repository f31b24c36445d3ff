/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TinyNPU as a PCI device: a thin shell around the machine of device/core. The
 * shell gives it bus, interrupts, time and a thread; it knows nothing of what
 * the registers mean and nothing of firmware or jobs.
 *
 * Threads: the machine works on a thread of its own (tinynpu_thread), which
 * never takes the big lock: registers and doorbells are posted to the machine
 * by functions that any thread may call, interrupts leave by way of a bottom
 * half, and DMA is restricted to RAM, so that it cannot end in another device's
 * registers either. Hence the big lock's holder may wait for the thread to end.
 * With sync=on there is no thread: a timer on the virtual clock runs the machine
 * in bounded steps under the big lock, so that runs under -icount repeat.
 *
 * Lifetime: what register accesses touch lives until instance_finalize, since an
 * access that is under way when the device is unplugged holds only a reference.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "qemu/memalign.h"
#include "qemu/module.h"
#include "qemu/rcu.h"
#include "qemu/thread.h"
#include "qemu/timer.h"
#include "migration/vmstate.h"
#include "compat.h"
#include "hw/pci/msix.h"
#include "hw/pci/pcie.h"
#include "qom/object.h"
#include "npu_core.h"
#include "trace.h"

#define TYPE_TINYNPU "tinynpu"
OBJECT_DECLARE_SIMPLE_TYPE(TinyNPUState, TINYNPU)

/* Instructions of the controller between two looks at the outside. */
#define STEP_BUDGET 4096
/* The same with sync=on, where the guest waits meanwhile. */
#define SYNC_BUDGET 1024
/* And how long a register write or doorbell is on its way then. */
#define SYNC_WAKE_NS 1000

struct TinyNPUState {
    PCIDevice parent_obj;

    MemoryRegion registers;
    MemoryRegion doorbells;
    struct npu_machine machine;
    uint32_t clock_mhz;
    char *inject; /* errors, or NULL: not allowed */
    bool is_sync;

    struct npu_core *core;
    QEMUTimer timer;
    VMChangeStateEntry *run_state;
    QEMUBH *interrupt_bh;
    uint8_t pm_cap; /* where the capability is in configuration space */
    unsigned long interrupts; /* vectors to be sent, atomic */

    QemuThread thread;
    QemuEvent work;
    /* Atomic; each change is followed by setting work. */
    bool must_stop;
    bool is_halted; /* the virtual machine is stopped */
    bool is_cut_off; /* reset is on its way: nothing of before leaves */
    bool is_asleep; /* in D3hot: nothing goes in or out */
};

static const char *tinynpu_id(TinyNPUState *s)
{
    const char *id = DEVICE(s)->id;

    return id ? id : "";
}

/* --- What the machine asks of us: struct npu_host_ops ----------------------- */

static int tinynpu_dma(TinyNPUState *s, uint64_t address, void *buffer,
                       size_t size, bool is_write)
{
    AddressSpace *as = pci_get_address_space(PCI_DEVICE(s));
    MemTxAttrs attrs = { .memory = 1 };
    MemTxResult result = MEMTX_ACCESS_ERROR;

    if (qatomic_read(&s->is_cut_off) || qatomic_read(&s->is_asleep)) {
        return -1;
    }
    /* ROM counts as memory, but a write to it would take the big lock. */
    if (!is_write || address_space_access_valid(as, address, size, true,
                                                attrs)) {
        result = pci_dma_rw(PCI_DEVICE(s), address, buffer, size,
                            is_write ? DMA_DIRECTION_FROM_DEVICE
                                     : DMA_DIRECTION_TO_DEVICE, attrs);
    }
    if (result != MEMTX_OK) {
        trace_tinynpu_dma_error(tinynpu_id(s), address, size, is_write);
        return -1;
    }
    return 0;
}

static int tinynpu_dma_read(void *opaque, uint64_t address, void *buffer,
                            size_t size)
{
    return tinynpu_dma(opaque, address, buffer, size, false);
}

static int tinynpu_dma_write(void *opaque, uint64_t address,
                             const void *buffer, size_t size)
{
    return tinynpu_dma(opaque, address, (void *)buffer, size, true);
}

static void tinynpu_send_interrupts(void *opaque)
{
    TinyNPUState *s = opaque;
    unsigned long vectors = qatomic_xchg(&s->interrupts, 0);

    for (unsigned n = 0; n < NPU_MAX_VECTORS; n++) {
        if (vectors & (1ul << n) && !s->is_asleep) {
            trace_tinynpu_interrupt(tinynpu_id(s), n);
            msix_notify(PCI_DEVICE(s), n);
        }
    }
}

static void tinynpu_raise_irq(void *opaque, unsigned int vector)
{
    TinyNPUState *s = opaque;

    if (qatomic_read(&s->is_cut_off)) {
        return;
    }
    qatomic_or(&s->interrupts, 1ul << vector);
    if (s->is_sync) {
        tinynpu_send_interrupts(s);
    } else {
        qemu_bh_schedule(s->interrupt_bh);
    }
}

static uint64_t tinynpu_now_ns(void *opaque)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

static void tinynpu_sha256(void *opaque, const void *data, size_t size,
                           uint8_t digest[NPU_IMAGE_DIGEST_SIZE])
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    gsize length = NPU_IMAGE_DIGEST_SIZE;

    g_checksum_update(sum, data, size);
    g_checksum_get_digest(sum, digest, &length);
}

static void tinynpu_wake(void *opaque)
{
    TinyNPUState *s = opaque;

    if (!s->is_sync) {
        qemu_event_set(&s->work);
    } else if (!s->must_stop) {
        timer_mod_anticipate(&s->timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                                        SYNC_WAKE_NS);
    }
}

static void tinynpu_trace(void *opaque, const struct npu_trace *t)
{
    const char *id = tinynpu_id(opaque);

    switch (t->kind) {
    case NPU_TRACE_BOOT:
        trace_tinynpu_machine_boot(id, t->code);
        break;
    case NPU_TRACE_RESET:
        trace_tinynpu_machine_reset(id);
        break;
    case NPU_TRACE_DOORBELL:
        trace_tinynpu_machine_doorbell(id, t->index);
        break;
    case NPU_TRACE_HOST_IRQ: /* as tinynpu_interrupt, when it is sent */
        break;
    case NPU_TRACE_WINDOW:
        trace_tinynpu_machine_window(id, t->index, t->code, t->address);
        break;
    case NPU_TRACE_JOB_START:
        trace_tinynpu_machine_job_start(id, t->core, t->index, t->address);
        break;
    case NPU_TRACE_JOB_END:
        trace_tinynpu_machine_job_end(id, t->core, t->code, t->end);
        break;
    case NPU_TRACE_COMMAND:
        trace_tinynpu_machine_command(id, t->core, t->unit, t->index, t->code,
                                      t->start, t->end);
        break;
    case NPU_TRACE_FAULT:
        trace_tinynpu_machine_fault(id, t->core, t->unit, t->index, t->code,
                                    t->address);
        break;
    }
}

static const struct npu_host_ops tinynpu_host_ops = {
    .dma_read = tinynpu_dma_read,
    .dma_write = tinynpu_dma_write,
    .raise_irq = tinynpu_raise_irq,
    .now_ns = tinynpu_now_ns,
    .sha256 = tinynpu_sha256,
    .wake = tinynpu_wake,
    .trace = tinynpu_trace,
};

/* --- Running it ------------------------------------------------------------- */

/*
 * One step. False: nothing to do before tinynpu_wake() or the timer. A reset
 * request was posted before is_cut_off was set (tinynpu_reset), so once the flag
 * is seen here, the machine's next step begins with that reset.
 */
static bool tinynpu_step(TinyNPUState *s, uint32_t budget)
{
    uint64_t until_ns;

    if (qatomic_read(&s->is_halted)) {
        return false;
    }
    qatomic_set(&s->is_cut_off, false);
    smp_mb();
    if (npu_core_run(s->core, budget, &until_ns) != NPU_CORE_WAIT) {
        return true;
    }
    if (until_ns != NPU_CORE_FOREVER) {
        timer_mod(&s->timer, MIN(until_ns, INT64_MAX));
    }
    return false;
}

static void *tinynpu_thread(void *opaque)
{
    TinyNPUState *s = opaque;

    rcu_register_thread();
    for (;;) {
        /* Before looking at anything: what comes after it ends the wait. */
        qemu_event_reset(&s->work);
        if (qatomic_read(&s->must_stop)) {
            break;
        }
        if (!tinynpu_step(s, STEP_BUDGET)) {
            qemu_event_wait(&s->work);
        }
    }
    rcu_unregister_thread();
    return NULL;
}

/* The controller's timer or, with sync=on, the machine's next step. */
static void tinynpu_timer(void *opaque)
{
    TinyNPUState *s = opaque;
    uint64_t step_ns;

    if (!s->is_sync) {
        qemu_event_set(&s->work);
    } else if (tinynpu_step(s, SYNC_BUDGET)) {
        step_ns = SYNC_BUDGET * 1000000ull / s->machine.clock_khz;
        timer_mod(&s->timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + step_ns);
    }
}

static void tinynpu_run_state(void *opaque, bool is_running, RunState state)
{
    TinyNPUState *s = opaque;

    qatomic_set(&s->is_halted, !is_running);
    tinynpu_wake(s);
}

/* --- What the guest sees ---------------------------------------------------- */

static uint64_t tinynpu_read(void *opaque, hwaddr offset, unsigned size)
{
    TinyNPUState *s = opaque;
    uint64_t value = UINT64_MAX;

    if (!s->is_asleep) {
        value = npu_core_mmio_read(s->core, offset, size);
    }
    trace_tinynpu_read(tinynpu_id(s), offset, size, value);
    return value;
}

static void tinynpu_write(void *opaque, hwaddr offset, uint64_t value,
                          unsigned size)
{
    TinyNPUState *s = opaque;

    trace_tinynpu_write(tinynpu_id(s), offset, size, value);
    if (!s->is_asleep) {
        npu_core_mmio_write(s->core, offset, value, size);
    }
}

static uint64_t tinynpu_doorbell_read(void *opaque, hwaddr offset,
                                      unsigned size)
{
    return 0;
}

static void tinynpu_doorbell_write(void *opaque, hwaddr offset,
                                   uint64_t value, unsigned size)
{
    TinyNPUState *s = opaque;
    unsigned page = offset / NPU_DOORBELL_STRIDE;

    trace_tinynpu_ring(tinynpu_id(s), page);
    if (!s->is_asleep) {
        npu_core_doorbell(s->core, page);
    }
}

/* Every access reaches the machine, which knows which ones it takes. */
static const MemoryRegionOps tinynpu_register_ops = {
    .read = tinynpu_read,
    .write = tinynpu_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};

static const MemoryRegionOps tinynpu_doorbell_ops = {
    .read = tinynpu_doorbell_read,
    .write = tinynpu_doorbell_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};

static uint16_t tinynpu_power_state(PCIDevice *pdev)
{
    return pci_get_word(pdev->config + TINYNPU(pdev)->pm_cap + PCI_PM_CTRL) &
           PCI_PM_CTRL_STATE_MASK;
}

/* D1 and D2 there are not: who writes them stays where it was. */
static void tinynpu_config_write(PCIDevice *pdev, uint32_t address,
                                 uint32_t value, int size)
{
    TinyNPUState *s = TINYNPU(pdev);
    uint16_t before = tinynpu_power_state(pdev);
    uint8_t *control = pdev->config + s->pm_cap + PCI_PM_CTRL;

    pci_default_write_config(pdev, address, value, size);
    if (tinynpu_power_state(pdev) == 1 || tinynpu_power_state(pdev) == 2) {
        pci_set_word(control, (pci_get_word(control) &
                               ~PCI_PM_CTRL_STATE_MASK) | before);
    }
    pcie_cap_flr_write_config(pdev, address, value, size);
    qatomic_set(&s->is_asleep, tinynpu_power_state(pdev));
}

/*
 * Reset of the whole system, of the bus, and FLR. The machine resets itself
 * before its next step; until then DMA and interrupts of the old run get
 * nowhere, so nobody has to wait for a step that is under way.
 */
static void tinynpu_reset(DeviceState *dev)
{
    TinyNPUState *s = TINYNPU(dev);

    trace_tinynpu_reset(tinynpu_id(s));
    npu_core_reset_function(s->core);
    pci_word_test_and_clear_mask(PCI_DEVICE(s)->config + s->pm_cap + PCI_PM_CTRL,
                                 PCI_PM_CTRL_STATE_MASK);
    qatomic_set(&s->is_asleep, false);
    qatomic_set(&s->is_cut_off, true);
    qatomic_set(&s->interrupts, 0);
    tinynpu_wake(s);
}

/* --- Life ------------------------------------------------------------------- */

static bool tinynpu_make_core(TinyNPUState *s, Error **errp)
{
    const char *reason;
    void *memory;

    s->machine.clock_khz = MIN(s->clock_mhz, UINT32_MAX / 1000) * 1000;
    reason = npu_machine_check(&s->machine);
    if (reason) {
        error_setg(errp, "tinynpu: %s", reason);
        return false;
    }
    memory = qemu_memalign(NPU_CORE_ALIGN, npu_core_size(&s->machine));
    s->core = npu_core_init(memory, &s->machine, &tinynpu_host_ops, s);
    assert(s->core && (void *)s->core == memory);
    reason = s->inject ? npu_core_inject(s->core, s->inject) : NULL;
    if (reason) {
        error_setg(errp, "tinynpu: %s", reason);
        return false;
    }
    return true;
}

static bool tinynpu_make_vectors(PCIDevice *pdev, Error **errp)
{
    if (msix_init_exclusive_bar(pdev, NPU_MAX_VECTORS, NPU_BAR_MSIX, errp)) {
        return false;
    }
    for (unsigned n = 0; n < NPU_MAX_VECTORS; n++) {
        msix_vector_use(pdev, n);
    }
    return true;
}

/* What the machine is doing goes on after D3hot (no soft reset). */
static bool tinynpu_make_power(PCIDevice *pdev, Error **errp)
{
    TinyNPUState *s = TINYNPU(pdev);
    int offset = pci_add_capability(pdev, PCI_CAP_ID_PM, 0, PCI_PM_SIZEOF,
                                    errp);

    if (offset < 0) {
        return false;
    }
    s->pm_cap = offset;
    pci_set_word(pdev->config + offset + PCI_PM_PMC, PCI_PM_CAP_VER_1_2);
    pci_set_word(pdev->config + offset + PCI_PM_CTRL,
                 PCI_PM_CTRL_NO_SOFT_RESET);
    pci_set_word(pdev->wmask + offset + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK);
    return true;
}

static void tinynpu_realize(PCIDevice *pdev, Error **errp)
{
    TinyNPUState *s = TINYNPU(pdev);

    if (!tinynpu_make_core(s, errp)) {
        return;
    }
    if (pcie_endpoint_cap_init(pdev, 0) < 0) {
        error_setg(errp, "tinynpu: needs a PCI Express bus");
        return;
    }
    pcie_cap_flr_init(pdev);
    if (!tinynpu_make_power(pdev, errp) ||
        !tinynpu_make_vectors(pdev, errp)) {
        pcie_cap_exit(pdev);
        return;
    }
    memory_region_init_io(&s->registers, OBJECT(s), &tinynpu_register_ops, s,
                          "tinynpu-registers", NPU_BAR_REGS_SIZE);
    memory_region_init_io(&s->doorbells, OBJECT(s), &tinynpu_doorbell_ops, s,
                          "tinynpu-doorbells", NPU_BAR_DOORBELLS_SIZE);
    pci_register_bar(pdev, NPU_BAR_REGS, PCI_BASE_ADDRESS_SPACE_MEMORY,
                     &s->registers);
    pci_register_bar(pdev, NPU_BAR_DOORBELLS, PCI_BASE_ADDRESS_SPACE_MEMORY,
                     &s->doorbells);

    s->is_halted = !runstate_is_running();
    timer_init_ns(&s->timer, QEMU_CLOCK_VIRTUAL, tinynpu_timer, s);
    s->interrupt_bh = qemu_bh_new(tinynpu_send_interrupts, s);
    s->run_state = qemu_add_vm_change_state_handler(tinynpu_run_state, s);
    if (!s->is_sync) {
        qemu_thread_create(&s->thread, "tinynpu", tinynpu_thread, s,
                           QEMU_THREAD_JOINABLE);
    }
}

static void tinynpu_exit(PCIDevice *pdev)
{
    TinyNPUState *s = TINYNPU(pdev);

    qatomic_set(&s->is_cut_off, true);
    qatomic_set(&s->must_stop, true);
    if (!s->is_sync) {
        qemu_event_set(&s->work);
        qemu_thread_join(&s->thread);
    }
    qemu_del_vm_change_state_handler(s->run_state);
    timer_del(&s->timer);
    qemu_bh_delete(s->interrupt_bh);
    msix_unuse_all_vectors(pdev);
    msix_uninit_exclusive_bar(pdev);
    pcie_cap_exit(pdev);
}

static void tinynpu_instance_init(Object *obj)
{
    TinyNPUState *s = TINYNPU(obj);

    s->machine = (struct npu_machine)NPU_MACHINE_DEFAULT;
    s->clock_mhz = s->machine.clock_khz / 1000;
    qemu_event_init(&s->work, false);
    PCI_DEVICE(obj)->cap_present |= QEMU_PCI_CAP_EXPRESS;
}

static void tinynpu_instance_finalize(Object *obj)
{
    TinyNPUState *s = TINYNPU(obj);

    npu_core_fini(s->core);
    qemu_vfree(s->core);
    qemu_event_destroy(&s->work);
}

/* Dimensions of the machine: the default is set by instance_init. */
#define TINYNPU_DIMENSION(name, field, type)                       \
    DEFINE_PROP_UNSIGNED_NODEFAULT(name, TinyNPUState, field,      \
                                   qdev_prop_ ## type, uint32_t)

TINYNPU_PROPERTIES tinynpu_properties[] = {
    TINYNPU_DIMENSION("cores", machine.cores, uint32),
    TINYNPU_DIMENSION("macs", machine.macs, uint32),
    TINYNPU_DIMENSION("sram", machine.sram_size, size32),
    TINYNPU_DIMENSION("clock", clock_mhz, uint32),
    TINYNPU_DIMENSION("sram-bw", machine.sram_bw, uint32),
    TINYNPU_DIMENSION("sram-latency", machine.sram_latency, uint32),
    TINYNPU_DIMENSION("mem-bw", machine.mem_bw, uint32),
    TINYNPU_DIMENSION("mem-latency", machine.mem_latency, uint32),
    TINYNPU_DIMENSION("restricted", machine.restricted, uint32),
    TINYNPU_DIMENSION("ambient", machine.ambient_c, uint32),
    TINYNPU_DIMENSION("thermal-resistance", machine.thermal_resistance,
                      uint32),
    DEFINE_PROP_STRING("inject", TinyNPUState, inject),
    DEFINE_PROP_BOOL("sync", TinyNPUState, is_sync, false),
    TINYNPU_PROPERTIES_END
};

/* The machine has state that only it understands: a guest with it stays. */
static const VMStateDescription tinynpu_vmstate = {
    .name = TYPE_TINYNPU,
    .unmigratable = 1,
};

static void tinynpu_class_init(ObjectClass *class, TinyNPUClassData data)
{
    DeviceClass *dc = DEVICE_CLASS(class);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(class);

    k->realize = tinynpu_realize;
    k->exit = tinynpu_exit;
    k->config_write = tinynpu_config_write;
    k->vendor_id = NPU_PCI_VENDOR_ID;
    k->device_id = NPU_PCI_DEVICE_ID;
    k->class_id = NPU_PCI_CLASS;
    k->revision = NPU_HW_VERSION_MAJOR;
    dc->desc = "TinyNPU, a neural processing unit";
    dc->vmsd = &tinynpu_vmstate;
    device_class_set_legacy_reset(dc, tinynpu_reset);
    device_class_set_props(dc, tinynpu_properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static const TypeInfo tinynpu_types[] = {
    {
        .name = TYPE_TINYNPU,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(TinyNPUState),
        .instance_init = tinynpu_instance_init,
        .instance_finalize = tinynpu_instance_finalize,
        .class_init = tinynpu_class_init,
        .interfaces = (InterfaceInfo[]) {
            { INTERFACE_PCIE_DEVICE },
            { }
        },
    },
};

DEFINE_TYPES(tinynpu_types)
