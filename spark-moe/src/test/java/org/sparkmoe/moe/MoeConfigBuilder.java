package org.sparkmoe.moe;

import java.util.List;
import java.util.Map;

/** Makes small configurations by name. */
final class MoeConfigBuilder {
  private int experts = 4;
  private int topK = 2;
  private String capacityFactor = "1";
  private String gate = "mixtral";
  private String order = "sparse";
  private String dispatch = "direct";
  private String expert = "gpt";
  private int minCapacity = 1;
  private MoeConfig.Drop drop = MoeConfig.Drop.POSITION;
  private double auxLoss = 0.1;
  private double zLoss;
  private double importanceLoss;
  private double loadLoss;
  private String routingGroup = "rank";
  private int sharedExperts;
  private Map<String, String> gateOptions = Map.of("init-deviation", "0.5");
  private Map<String, String> expertOptions = Map.of("init-deviation", "0.5");
  private List<String> hooks = List.of();

  MoeConfigBuilder experts(int count) {
    experts = count;
    return this;
  }

  MoeConfigBuilder topK(int k) {
    topK = k;
    return this;
  }

  MoeConfigBuilder capacityFactor(String factor) {
    capacityFactor = factor;
    return this;
  }

  MoeConfigBuilder gate(String name) {
    gate = name;
    return this;
  }

  MoeConfigBuilder order(String name) {
    order = name;
    return this;
  }

  MoeConfigBuilder dispatch(String name) {
    dispatch = name;
    return this;
  }

  MoeConfigBuilder expert(String name) {
    expert = name;
    return this;
  }

  MoeConfigBuilder minCapacity(int places) {
    minCapacity = places;
    return this;
  }

  MoeConfigBuilder drop(MoeConfig.Drop by) {
    drop = by;
    return this;
  }

  MoeConfigBuilder auxLoss(double coefficient) {
    auxLoss = coefficient;
    return this;
  }

  MoeConfigBuilder zLoss(double coefficient) {
    zLoss = coefficient;
    return this;
  }

  MoeConfigBuilder importanceLoss(double coefficient) {
    importanceLoss = coefficient;
    return this;
  }

  MoeConfigBuilder loadLoss(double coefficient) {
    loadLoss = coefficient;
    return this;
  }

  MoeConfigBuilder routingGroup(String group) {
    routingGroup = group;
    return this;
  }

  MoeConfigBuilder sharedExperts(int count) {
    sharedExperts = count;
    return this;
  }

  MoeConfigBuilder gateOptions(Map<String, String> options) {
    gateOptions = options;
    return this;
  }

  MoeConfigBuilder products(String how) {
    expertOptions = Map.of("init-deviation", "0.5", "products", how);
    return this;
  }

  MoeConfigBuilder hooks(String... names) {
    hooks = List.of(names);
    return this;
  }

  MoeConfig build() {
    return new MoeConfig(
        experts,
        topK,
        capacityFactor,
        gate,
        order,
        dispatch,
        expert,
        8,
        minCapacity,
        drop,
        auxLoss,
        zLoss,
        importanceLoss,
        loadLoss,
        routingGroup,
        sharedExperts,
        gateOptions,
        expertOptions,
        hooks);
  }
}
