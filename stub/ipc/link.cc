#include "stub/ipc/link.h"

namespace mlflow_triton::stub {

Link::Link(const LaunchArguments &arguments)
    : Link(Region::Open(arguments.region_name, arguments.growth_step, arguments.control), arguments.control) {}

Link::Link(std::unique_ptr<Region> region, Handle control)
    : region_(std::move(region)), control_(region_->As<IpcControl>(control)),
      from_parent_(*region_, control_->stub_message_queue), to_parent_(*region_, control_->parent_message_queue),
      to_service_(*region_, control_->stub_to_parent_mq), from_service_(*region_, control_->parent_to_stub_mq),
      memory_manager_(*region_, control_->memory_manager_message_queue) {}

} // namespace mlflow_triton::stub
