"""Records to typed tables: conversion, schema drift, privacy."""
