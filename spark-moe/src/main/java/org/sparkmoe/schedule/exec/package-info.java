/** Runs a task graph: bodies are bound to tasks by id here and nowhere else. */
@NullMarked
package org.sparkmoe.schedule.exec;

import org.jspecify.annotations.NullMarked;
