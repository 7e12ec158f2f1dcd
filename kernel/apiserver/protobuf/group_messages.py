"""The messages of kinds outside the core, apps and batch; see `protobuf_messages`. Volumes that no
driver of ours could have are left out of PersistentVolumes."""

GROUP_SCHEMA = """
PolicyRule
  1 verbs[], 2 apiGroups[], 3 resources[], 4 resourceNames[], 5 nonResourceURLs[]
Role
  1 metadata:ObjectMeta, 2 rules:PolicyRule[]
AggregationRule
  1 clusterRoleSelectors:LabelSelector[]
ClusterRole
  1 metadata:ObjectMeta, 2 rules:PolicyRule[], 3 aggregationRule:AggregationRule
Subject
  1 kind, 2 apiGroup, 3 name, 4 namespace
RoleRef
  1 apiGroup, 2 kind, 3 name
RoleBinding
  1 metadata:ObjectMeta, 2 subjects:Subject[], 3 roleRef:RoleRef
ClusterRoleBinding
  1 metadata:ObjectMeta, 2 subjects:Subject[], 3 roleRef:RoleRef
Endpoints
  1 metadata:ObjectMeta, 2 subsets:EndpointSubset[]
EndpointSubset
  1 addresses:EndpointAddress[], 2 notReadyAddresses:EndpointAddress[], 3 ports:EndpointPort[]
EndpointAddress
  1 ip, 3 hostname, 4 nodeName, 2 targetRef:ObjectReference
EndpointPort
  1 name, 2 port:int, 3 protocol, 4 appProtocol
PersistentVolume
  1 metadata:ObjectMeta, 2 spec:PersistentVolumeSpec, 3 status:passed over
PersistentVolumeSpec
  1 capacity:quantity{}, 2 persistentVolumeSource:PersistentVolumeSource+, 3 accessModes[],
  4 claimRef:ObjectReference, 5 persistentVolumeReclaimPolicy, 6 storageClassName,
  7 mountOptions[], 8 volumeMode, 9 nodeAffinity:VolumeNodeAffinity, 10 volumeAttributesClassName
PersistentVolumeSource
  3 hostPath:HostPathVolumeSource, 5 nfs:NFSVolumeSource, 20 local:LocalVolumeSource,
  22 csi:CSIPersistentVolumeSource
SecretReference
  1 name, 2 namespace
LocalVolumeSource
  1 path, 2 fsType
CSIPersistentVolumeSource
  1 driver, 2 volumeHandle, 3 readOnly:bool, 4 fsType, 5 volumeAttributes{},
  6 controllerPublishSecretRef:SecretReference, 7 nodeStageSecretRef:SecretReference,
  8 nodePublishSecretRef:SecretReference, 9 controllerExpandSecretRef:SecretReference,
  10 nodeExpandSecretRef:SecretReference
VolumeNodeAffinity
  1 required:NodeSelector
LimitRange
  1 metadata:ObjectMeta, 2 spec:LimitRangeSpec
LimitRangeSpec
  1 limits:LimitRangeItem[]
LimitRangeItem
  1 type, 2 max:quantity{}, 3 min:quantity{}, 4 default:quantity{}, 5 defaultRequest:quantity{},
  6 maxLimitRequestRatio:quantity{}
TopologySelectorTerm
  1 matchLabelExpressions:TopologySelectorLabelRequirement[]
TopologySelectorLabelRequirement
  1 key, 2 values[]
PodTemplate
  1 metadata:ObjectMeta, 2 template:PodTemplateSpec
ReplicationController
  1 metadata:ObjectMeta, 2 spec:ReplicationControllerSpec, 3 status:passed over
ReplicationControllerSpec
  1 replicas:int, 4 minReadySeconds:int, 2 selector{}, 3 template:PodTemplateSpec
EndpointSlice
  1 metadata:ObjectMeta, 4 addressType, 2 endpoints:Endpoint[], 3 ports:SlicePort[]
Endpoint
  1 addresses[], 2 conditions:EndpointConditions, 3 hostname, 4 targetRef:ObjectReference,
  5 deprecatedTopology{}, 6 nodeName, 7 zone, 8 hints:EndpointHints
EndpointConditions
  1 ready:bool, 2 serving:bool, 3 terminating:bool
EndpointHints
  1 forZones:ForZone[], 2 forNodes:ForNode[]
ForZone
  1 name
ForNode
  1 name
SlicePort
  1 name, 2 protocol, 3 port:int, 4 appProtocol
PriorityClass
  1 metadata:ObjectMeta, 2 value:int, 3 globalDefault:bool, 4 description, 5 preemptionPolicy
StorageClass
  1 metadata:ObjectMeta, 2 provisioner, 3 parameters{}, 4 reclaimPolicy, 5 mountOptions[],
  6 allowVolumeExpansion:bool, 7 volumeBindingMode, 8 allowedTopologies:TopologySelectorTerm[]
VolumeAttachment
  1 metadata:ObjectMeta, 2 spec:VolumeAttachmentSpec, 3 status:passed over
VolumeAttachmentSpec
  1 attacher, 2 source:VolumeAttachmentSource, 3 nodeName
VolumeAttachmentSource
  1 persistentVolumeName, 2 inlineVolumeSpec:PersistentVolumeSpec
CSIDriver
  1 metadata:ObjectMeta, 2 spec:CSIDriverSpec
CSIDriverSpec
  1 attachRequired:bool, 2 podInfoOnMount:bool, 3 volumeLifecycleModes[], 4 storageCapacity:bool,
  5 fsGroupPolicy, 6 tokenRequests:DriverTokenRequest[], 7 requiresRepublish:bool,
  8 seLinuxMount:bool, 9 nodeAllocatableUpdatePeriodSeconds:int,
  10 serviceAccountTokenInSecrets:bool
DriverTokenRequest
  1 audience, 2 expirationSeconds:int
CSINode
  1 metadata:ObjectMeta, 2 spec:CSINodeSpec, 3 status:passed over
CSINodeSpec
  1 drivers:CSINodeDriver[]
CSINodeDriver
  1 name, 2 nodeID, 3 topologyKeys[], 4 allocatable:VolumeNodeResources
VolumeNodeResources
  1 count:int
CSIStorageCapacity
  1 metadata:ObjectMeta, 2 nodeTopology:LabelSelector, 3 storageClassName, 4 capacity:quantity,
  5 maximumVolumeSize:quantity
Ingress
  1 metadata:ObjectMeta, 2 spec:IngressSpec, 3 status:passed over
IngressSpec
  4 ingressClassName, 1 defaultBackend:IngressBackend, 2 tls:IngressTLS[], 3 rules:IngressRule[]
IngressBackend
  4 service:IngressServiceBackend, 3 resource:TypedLocalObjectReference
IngressServiceBackend
  1 name, 2 port:ServiceBackendPort
ServiceBackendPort
  1 name, 2 number:int
IngressTLS
  1 hosts[], 2 secretName
IngressRule
  1 host, 2 ingressRuleValue:IngressRuleValue+
IngressRuleValue
  1 http:HTTPIngressRuleValue
HTTPIngressRuleValue
  1 paths:HTTPIngressPath[]
HTTPIngressPath
  1 path, 3 pathType, 2 backend:IngressBackend
IngressClass
  1 metadata:ObjectMeta, 2 spec:IngressClassSpec
IngressClassSpec
  1 controller, 2 parameters:IngressClassParametersReference
IngressClassParametersReference
  1 apiGroup, 2 kind, 3 name, 4 scope, 5 namespace
NetworkPolicy
  1 metadata:ObjectMeta, 2 spec:NetworkPolicySpec
NetworkPolicySpec
  1 podSelector:LabelSelector, 2 ingress:NetworkPolicyIngressRule[],
  3 egress:NetworkPolicyEgressRule[], 4 policyTypes[]
NetworkPolicyIngressRule
  1 ports:NetworkPolicyPort[], 2 from:NetworkPolicyPeer[]
NetworkPolicyPort
  1 protocol, 2 port:int_or_string, 3 endPort:int
NetworkPolicyPeer
  1 podSelector:LabelSelector, 2 namespaceSelector:LabelSelector, 3 ipBlock:IPBlock
IPBlock
  1 cidr, 2 except[]
NetworkPolicyEgressRule
  1 ports:NetworkPolicyPort[], 2 to:NetworkPolicyPeer[]
HorizontalPodAutoscaler
  1 metadata:ObjectMeta, 2 spec:HorizontalPodAutoscalerSpec, 3 status:passed over
HorizontalPodAutoscalerSpec
  1 scaleTargetRef:CrossVersionObjectReference, 2 minReplicas:int, 3 maxReplicas:int,
  4 metrics:MetricSpec[], 5 behavior:HorizontalPodAutoscalerBehavior
CrossVersionObjectReference
  1 kind, 2 name, 3 apiVersion
MetricSpec
  1 type, 2 object:ObjectMetricSource, 3 pods:PodsMetricSource, 4 resource:ResourceMetricSource,
  7 containerResource:ContainerResourceMetricSource, 5 external:ExternalMetricSource
ObjectMetricSource
  1 describedObject:CrossVersionObjectReference, 2 target:MetricTarget, 3 metric:MetricIdentifier
MetricTarget
  1 type, 2 value:quantity, 3 averageValue:quantity, 4 averageUtilization:int
MetricIdentifier
  1 name, 2 selector:LabelSelector
PodsMetricSource
  1 metric:MetricIdentifier, 2 target:MetricTarget
ResourceMetricSource
  1 name, 2 target:MetricTarget
ContainerResourceMetricSource
  1 name, 2 target:MetricTarget, 3 container
ExternalMetricSource
  1 metric:MetricIdentifier, 2 target:MetricTarget
HorizontalPodAutoscalerBehavior
  1 scaleUp:HPAScalingRules, 2 scaleDown:HPAScalingRules
HPAScalingRules
  3 stabilizationWindowSeconds:int, 1 selectPolicy, 2 policies:HPAScalingPolicy[],
  4 tolerance:quantity
HPAScalingPolicy
  1 type, 2 value:int, 3 periodSeconds:int
MutatingWebhookConfiguration
  1 metadata:ObjectMeta, 2 webhooks:MutatingWebhook[]
MutatingWebhook
  1 name, 2 clientConfig:WebhookClientConfig, 3 rules:RuleWithOperations[], 4 failurePolicy,
  5 namespaceSelector:LabelSelector, 6 sideEffects, 7 timeoutSeconds:int,
  8 admissionReviewVersions[], 9 matchPolicy, 10 reinvocationPolicy,
  11 objectSelector:LabelSelector, 12 matchConditions:MatchCondition[]
ValidatingWebhookConfiguration
  1 metadata:ObjectMeta, 2 webhooks:ValidatingWebhook[]
ValidatingWebhook
  1 name, 2 clientConfig:WebhookClientConfig, 3 rules:RuleWithOperations[], 4 failurePolicy,
  5 namespaceSelector:LabelSelector, 6 sideEffects, 7 timeoutSeconds:int,
  8 admissionReviewVersions[], 9 matchPolicy, 10 objectSelector:LabelSelector,
  11 matchConditions:MatchCondition[]
WebhookClientConfig
  1 service:ServiceReference, 2 caBundle:bytes, 3 url
ServiceReference
  1 namespace, 2 name, 3 path, 4 port:int
RuleWithOperations
  1 operations[], 2 rule:Rule+
Rule
  1 apiGroups[], 2 apiVersions[], 3 resources[], 4 scope
MatchCondition
  1 name, 2 expression
HorizontalPodAutoscalerV1
  1 metadata:ObjectMeta, 2 spec:HorizontalPodAutoscalerV1Spec, 3 status:passed over
HorizontalPodAutoscalerV1Spec
  1 scaleTargetRef:CrossVersionObjectReference, 2 minReplicas:int, 3 maxReplicas:int,
  4 targetCPUUtilizationPercentage:int
"""
