// SPDX-License-Identifier: GPL-2.0
/*
 * A stand-in for NVIDIA's vGPU host driver, for the lab alone: no such card is there, and its driver is nobody's to ship.
 *
 * It takes virtual functions of QEMU's igb by driver_override and offers them to VFIO itself (vfio_pci_core, as the kernel's own variant
 * drivers do). Each has the files of the vendor's directory by which it is given a type: what is listed depends on the room that is left on
 * the card, a function with a type lists nothing, and after the first type the others list that framebuffer's size alone. Without a type
 * nobody can open it. Behind the type there is nothing: a VM that takes the function finds an igb's.
 *
 * What it does was read in the vendor's manuals, not seen. hack/sandbox/Kernel/VgpuCards.cs does the same.
 */
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/sysfs.h>
#include <linux/vfio_pci_core.h>

#define CARD_FRAMEBUFFER 4 /* GiB, of each physical function */

struct standin_type {
	u32 id;
	const char *name;
	u32 framebuffer;
};

static const struct standin_type standin_types[] = {
	{ 901, "STANDIN V-1B", 1 },
	{ 902, "STANDIN V-1Q", 1 },
	{ 903, "STANDIN V-2Q", 2 },
	{ 904, "STANDIN V-4Q", 4 },
};

struct standin_function {
	struct vfio_pci_core_device core;
	struct list_head entry;
	const struct standin_type *type; /* NULL: none */
};

static LIST_HEAD(standin_functions);
static DEFINE_MUTEX(standin_lock);

static struct standin_function *standin_of(struct device *dev)
{
	return container_of(dev_get_drvdata(dev), struct standin_function, core);
}

/* With the lock held. */
static bool standin_creatable(struct standin_function *function, const struct standin_type *type)
{
	struct standin_function *other;
	u32 used = 0;

	if (function->type)
		return false;
	list_for_each_entry(other, &standin_functions, entry) {
		if (!other->type || pci_physfn(other->core.pdev) != pci_physfn(function->core.pdev))
			continue;
		if (other->type->framebuffer != type->framebuffer)
			return false;
		used += other->type->framebuffer;
	}
	return used + type->framebuffer <= CARD_FRAMEBUFFER;
}

static ssize_t creatable_vgpu_types_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct standin_function *function = standin_of(dev);
	int length = 0, i;

	mutex_lock(&standin_lock);
	if (!function->type) {
		length = sysfs_emit(buf, "ID    : vGPU Name\n");
		for (i = 0; i < ARRAY_SIZE(standin_types); i++)
			if (standin_creatable(function, &standin_types[i]))
				length += sysfs_emit_at(buf, length, "%-5u : %s\n", standin_types[i].id, standin_types[i].name);
	}
	mutex_unlock(&standin_lock);
	return length;
}
static DEVICE_ATTR_RO(creatable_vgpu_types);

static ssize_t current_vgpu_type_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct standin_function *function = standin_of(dev);
	u32 id;

	mutex_lock(&standin_lock);
	id = function->type ? function->type->id : 0;
	mutex_unlock(&standin_lock);
	return sysfs_emit(buf, "%u\n", id);
}

static ssize_t current_vgpu_type_store(struct device *dev, struct device_attribute *attr, const char *buf, size_t count)
{
	struct standin_function *function = standin_of(dev);
	ssize_t result = -EINVAL;
	u32 id;
	int i;

	if (kstrtou32(buf, 0, &id))
		return -EINVAL;
	mutex_lock(&standin_lock);
	if (id == 0) {
		function->type = NULL;
		result = count;
	}
	for (i = 0; i < ARRAY_SIZE(standin_types); i++)
		if (standin_types[i].id == id && standin_creatable(function, &standin_types[i])) {
			function->type = &standin_types[i];
			result = count;
			break;
		}
	mutex_unlock(&standin_lock);
	if (result < 0)
		dev_err(dev, "vGPU type %u cannot be created\n", id);
	return result;
}
static DEVICE_ATTR_RW(current_vgpu_type);

static struct attribute *standin_attributes[] = {
	&dev_attr_creatable_vgpu_types.attr,
	&dev_attr_current_vgpu_type.attr,
	NULL,
};
static const struct attribute_group standin_group = { .name = "nvidia", .attrs = standin_attributes };
static const struct attribute_group *standin_groups[] = { &standin_group, NULL };

static int standin_open_device(struct vfio_device *vdev)
{
	struct standin_function *function = container_of(vdev, struct standin_function, core.vdev);
	int error;

	if (!READ_ONCE(function->type))
		return -EINVAL;
	error = vfio_pci_core_enable(&function->core);
	if (error)
		return error;
	vfio_pci_core_finish_enable(&function->core);
	return 0;
}

static const struct vfio_device_ops standin_ops = {
	.name = "vgpu-standin",
	.init = vfio_pci_core_init_dev,
	.release = vfio_pci_core_release_dev,
	.open_device = standin_open_device,
	.close_device = vfio_pci_core_close_device,
	.ioctl = vfio_pci_core_ioctl,
	.device_feature = vfio_pci_core_ioctl_feature,
	.read = vfio_pci_core_read,
	.write = vfio_pci_core_write,
	.mmap = vfio_pci_core_mmap,
	.request = vfio_pci_core_request,
	.match = vfio_pci_core_match,
	.bind_iommufd = vfio_iommufd_physical_bind,
	.unbind_iommufd = vfio_iommufd_physical_unbind,
	.attach_ioas = vfio_iommufd_physical_attach_ioas,
	.detach_ioas = vfio_iommufd_physical_detach_ioas,
};

static int standin_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct standin_function *function;
	int error;

	function = vfio_alloc_device(standin_function, core.vdev, &pdev->dev, &standin_ops);
	if (IS_ERR(function))
		return PTR_ERR(function);
	dev_set_drvdata(&pdev->dev, &function->core);
	mutex_lock(&standin_lock);
	list_add_tail(&function->entry, &standin_functions);
	mutex_unlock(&standin_lock);
	error = vfio_pci_core_register_device(&function->core);
	if (!error)
		return 0;
	mutex_lock(&standin_lock);
	list_del(&function->entry);
	mutex_unlock(&standin_lock);
	vfio_put_device(&function->core.vdev);
	return error;
}

static void standin_remove(struct pci_dev *pdev)
{
	struct standin_function *function = standin_of(&pdev->dev);

	vfio_pci_core_unregister_device(&function->core);
	mutex_lock(&standin_lock);
	list_del(&function->entry);
	mutex_unlock(&standin_lock);
	vfio_put_device(&function->core.vdev);
}

/* By override alone, and without MODULE_DEVICE_TABLE: in modules.alias it would be these functions' variant of vfio-pci for everybody. */
static const struct pci_device_id standin_table[] = {
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_VENDOR_ID_INTEL, 0x10ca) }, /* the virtual functions of an 82576, which igb emulates */
	{}
};

static struct pci_driver standin_driver = {
	.name = "vgpu-standin",
	.id_table = standin_table,
	.probe = standin_probe,
	.remove = standin_remove,
	.dev_groups = standin_groups,
	.err_handler = &vfio_pci_core_err_handlers,
	.driver_managed_dma = true,
};
module_pci_driver(standin_driver);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Stand-in for a vGPU host driver, in Hostdev's lab");
