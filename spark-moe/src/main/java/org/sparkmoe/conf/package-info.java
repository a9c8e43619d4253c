/**
 * From text to validated records.
 *
 * <pre>
 *   reference.conf  ─┐
 *   the user's file ─┼─ {@link org.sparkmoe.conf.ConfigSource} ── {@link org.sparkmoe.conf.ConfigBinder} ── records
 *   --set key=value ─┘
 * </pre>
 *
 * Each owner keeps his own record, which validates itself on construction; this package knows none
 * of them.
 */
@NullMarked
package org.sparkmoe.conf;

import org.jspecify.annotations.NullMarked;
