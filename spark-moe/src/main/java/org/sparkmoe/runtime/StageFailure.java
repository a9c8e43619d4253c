package org.sparkmoe.runtime;

/**
 * Why a stage failed.
 *
 * @param message rank, host, step and cause
 * @param passing whether it may go well the next time
 */
record StageFailure(String message, boolean passing) {}
